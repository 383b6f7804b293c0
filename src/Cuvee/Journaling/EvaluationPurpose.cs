using System.Text.Json.Serialization;

namespace Cuvee.Journaling;

/// <summary>Why a candidate was evaluated.</summary>
public enum EvaluationPurpose
{
    /// <summary>A question of the optimiser.</summary>
    [JsonStringEnumMemberName("search")]
    Search,

    /// <summary>Early stopping: the best guess so far on the held-out records.</summary>
    [JsonStringEnumMemberName("held-out")]
    HeldOut,

    /// <summary>A result before it is believed, on all validation records.</summary>
    [JsonStringEnumMemberName("recheck")]
    Recheck,
}
