using YamlDotNet.Serialization;

namespace Cuvee.Lab.Zoo;

/// <summary>One adapter: a task of a data set.</summary>
public sealed class SpecialistPlan
{
    public string Task { get; set; } = "";

    public string Dataset { get; set; } = "";

    /// <summary>Steps, when not the default.</summary>
    public int? Steps { get; set; }

    [YamlIgnore]
    public string Name => $"{Task}-{Dataset.Replace('_', '-')}";
}
