namespace Cuvee.Optimization.FisherProbing;

/// <summary>Settings of <see cref="FisherProbingOptimizer"/>. Weights are dimensionless, losses in nats per token.</summary>
public sealed record FisherProbingOptions
{
    /// <summary>Records that may be asked for, indices 0 to RecordCount - 1; at least 1.</summary>
    public required int RecordCount { get; init; }

    /// <summary>s, records probed in a round; at least 1, at most RecordCount is used. Default 12.</summary>
    public int ProbeRecords { get; init; } = 12;

    /// <summary>Factor on <see cref="ProbeRecords"/> from round to round; at least 1. Default 1 (constant).</summary>
    public double ProbeGrowth { get; init; } = 1;

    /// <summary>
    /// Coordinates that a round after the first probes and moves, at least 1: half of them those of the largest weights, the others drawn.
    /// Null: all, so that a round costs as many probes as there are coordinates. Default null.
    /// </summary>
    public int? ProbedCoordinates { get; init; }

    /// <summary>l, size of the fixed set on which steps are compared; at least 1, at most RecordCount is used. Default 40.</summary>
    public int LineSearchRecords { get; init; } = 40;

    /// <summary>h, difference step of a probe; above 0 and below half the box of every coordinate. Default 0.05.</summary>
    public double ProbeStep { get; init; } = 0.05;

    /// <summary>mu at the start, in units of the mean curvature of a weight; above 0. Default 0.05.</summary>
    public double InitialDamping { get; init; } = 0.05;

    /// <summary>c, dampings tried in each line search, as factors on mu; at least one, all above 0. Default 0.1, 1, 10.</summary>
    public IReadOnlyList<double> DampingMultipliers { get; init; } = [0.1, 1, 10];

    /// <summary>Factor on mu after a line search that found nothing better; above 1. Default 30.</summary>
    public double DampingGrowth { get; init; } = 30;

    /// <summary>Factor on the weight of earlier rounds' tokens from round to round, 0 (no memory) to below 1. Default 0.7.</summary>
    public double Memory { get; init; } = 0.7;

    /// <summary>Box of the weights. Default null: [-1.5, 1.5] for every coordinate.</summary>
    public BoxBounds? Bounds { get; init; }

    /// <summary>
    /// Stop reason <c>tolx</c>: the largest change of a weight in the last failed line search is below this. Null: off. Default 1e-4.
    /// </summary>
    public double? TolX { get; init; } = 1e-4;

    /// <summary>
    /// Stop reason <c>stagnation</c>: relative improvement of the line-search loss over the last <see cref="StagnationRounds"/> rounds
    /// below
    /// this. Null: off. Default 1e-3.
    /// </summary>
    public double? TolImprovement { get; init; } = 1e-3;

    /// <summary>Rounds over which improvement is judged; at least 1. Default 6.</summary>
    public int StagnationRounds { get; init; } = 6;

    /// <summary>Stop reason <c>maxiter</c>: rounds done. Null: off. Default off.</summary>
    public int? MaxRounds { get; init; }

    /// <summary>
    /// Records of a first round whose probes are the coordinates alone - one at 1, the others at 0 - beside the point 0: worth it where
    /// those answers are known already. Default none: the first round probes around the start, like all others. The box must hold 0 and 1.
    /// </summary>
    public IReadOnlyList<int> FirstAlone { get; init; } = [];

    /// <summary>The objective is the mean over records of their means over tokens; else the mean over all tokens. Default false.</summary>
    public bool CountsRecordsAlike { get; init; }

    public ulong Seed { get; init; } = 42;

    internal void Validate()
    {
        Require(RecordCount >= 1, nameof(RecordCount), RecordCount, "give at least 1 record");
        Require(ProbeRecords >= 1, nameof(ProbeRecords), ProbeRecords, "give at least 1");
        Require(ProbeGrowth >= 1, nameof(ProbeGrowth), ProbeGrowth, "give 1 or more");
        Require(ProbedCoordinates is null or >= 1, nameof(ProbedCoordinates), ProbedCoordinates ?? 0, "give at least 1");
        Require(LineSearchRecords >= 1, nameof(LineSearchRecords), LineSearchRecords, "give at least 1");
        Require(ProbeStep > 0 && double.IsFinite(ProbeStep), nameof(ProbeStep), ProbeStep, "give a number above 0");
        Require(InitialDamping > 0 && double.IsFinite(InitialDamping), nameof(InitialDamping), InitialDamping, "give a number above 0");
        Require(DampingMultipliers.Count > 0 && DampingMultipliers.All(c => c > 0), nameof(DampingMultipliers),
            string.Join(", ", DampingMultipliers), "give one or more numbers above 0");
        Require(DampingGrowth > 1, nameof(DampingGrowth), DampingGrowth, "give a number above 1");
        Require(Memory is >= 0 and < 1, nameof(Memory), Memory, "give a number from 0 to below 1");
        Require(
            FirstAlone.All(record => record >= 0 && record < RecordCount), nameof(FirstAlone), string.Join(", ", FirstAlone),
            "give indices below the number of records");
        Require(StagnationRounds >= 1, nameof(StagnationRounds), StagnationRounds, "give at least 1");
    }

    private static void Require(bool valid, string setting, object value, string mend)
    {
        if (!valid) throw new ArgumentException($"{setting} of Fisher probing is {value}; {mend}.");
    }
}
