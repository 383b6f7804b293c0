namespace Cuvee.Benchmarks;

/// <summary>
/// What one candidate evaluation of the benchmark consists of. The defaults are the shape that Cuvee's speed is stated for.
/// </summary>
public sealed record CandidateBenchmarkOptions
{
    public MergeSpace Space { get; init; } = MergeSpace.Factors;

    /// <summary>Adapters of the pool, each on all seven linear modules of every layer.</summary>
    public int Adapters { get; init; } = 100;

    public int Rank { get; init; } = 8;

    /// <summary>Records scored per candidate.</summary>
    public int Sequences { get; init; } = 32;

    /// <summary>Tokens fed per record.</summary>
    public int Length { get; init; } = 128;

    /// <summary>Positions per record at which a log-probability is taken, the last ones; at most <see cref="Length"/>.</summary>
    public int Scored { get; init; } = 20;

    /// <summary>Candidates timed, each with its own random recipe, after one that is not.</summary>
    public int Repetitions { get; init; } = 9;

    /// <summary>Threads; null means one per processor.</summary>
    public int? Threads { get; init; }

    /// <exception cref="ArgumentException">A number out of range; the message names the option.</exception>
    internal void Check()
    {
        static void Positive(int value, string name)
        {
            if (value < 1) throw new ArgumentException($"--{name} is {value}; it must be at least 1.");
        }

        Positive(Adapters, "adapters");
        Positive(Rank, "rank");
        Positive(Sequences, "sequences");
        Positive(Length, "length");
        Positive(Scored, "scored");
        Positive(Repetitions, "repetitions");
        if (Threads is { } threads) Positive(threads, "threads");
        if (Scored > Length) throw new ArgumentException($"--scored is {Scored}; it must be at most --length, {Length}.");
    }
}
