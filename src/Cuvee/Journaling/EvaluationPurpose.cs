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

    /// <summary>Looking for the best single adapter, which a result must beat.</summary>
    [JsonStringEnumMemberName("single")]
    Single,

    /// <summary>The run's metric of a result or a control, on validation records.</summary>
    [JsonStringEnumMemberName("metric")]
    Metric,

    /// <summary>The files of a result, rounding and rank included, on all validation records.</summary>
    [JsonStringEnumMemberName("written")]
    Written,

    /// <summary>A row of the comparison table: loss on validation records.</summary>
    [JsonStringEnumMemberName("validation")]
    Validation,

    /// <summary>A row of the comparison table: loss on test records.</summary>
    [JsonStringEnumMemberName("test-loss")]
    TestLoss,

    /// <summary>A row of the comparison table: answers to test records.</summary>
    [JsonStringEnumMemberName("test-answers")]
    TestAnswers,
}
