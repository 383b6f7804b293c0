namespace Cuvee.Configuration;

/// <summary>Fisher probing as in the project's methods notes; the defaults are those of the measured trial.</summary>
public sealed record FisherProbingSettings
{
    /// <summary>s: records that a round's probes are measured on.</summary>
    public int ProbeRecords { get; init; } = 12;

    /// <summary>l: records of the fixed set that decides between step candidates.</summary>
    public int LineSearchRecords { get; init; } = 40;

    /// <summary>h: finite-difference step, in units of a weight.</summary>
    public double ProbeStep { get; init; } = 0.05;

    /// <summary>Factor of the moving average over rounds, in [0, 1).</summary>
    public double Averaging { get; init; } = 0.7;

    /// <summary>mu: first damping, as a part of the mean diagonal of the Fisher matrix.</summary>
    public double Damping { get; init; } = 0.05;

    /// <summary>Rounds at most when no budget is given.</summary>
    public int Rounds { get; init; } = 10;
}
