namespace Cuvee.Lab.Zoo;

/// <summary>Labelled records of one data set that the base model is trained on.</summary>
public sealed class InstructionPlan
{
    public string Dataset { get; set; } = "";

    public List<string> Tasks { get; set; } = [];

    /// <summary>At most this many records a task; absent: all.</summary>
    public int? Limit { get; set; }
}
