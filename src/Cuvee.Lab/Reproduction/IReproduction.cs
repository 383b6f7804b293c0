namespace Cuvee.Lab.Reproduction;

/// <summary>What <c>cuvee reproduce NAME</c> measures, writes as NAME.json and draws.</summary>
internal interface IReproduction
{
    /// <summary>On the command line and of its files.</summary>
    string Name { get; }

    /// <summary>It reads a folder of data sets.</summary>
    bool NeedsData { get; }

    /// <summary>It can be measured in parts (<see cref="ReproductionOptions.Rows"/>, <see cref="ReproductionOptions.Targets"/>) and
    /// drawn before the last one (<see cref="ReproductionOptions.OnlyMeasured"/>).</summary>
    bool HasParts { get; }

    /// <summary>Measures what is not measured yet, and writes NAME.json unless only a part was chosen.</summary>
    Task MeasureAsync(ReproductionOptions options, CancellationToken cancellationToken);

    /// <summary>Page and plots from NAME.json, in the same folder.</summary>
    /// <returns>Path of the page, and the verdict in a sentence.</returns>
    (string Page, string Verdict) Draw(string folder);
}

/// <summary>How an experiment is measured.</summary>
/// <param name="Folder">Of NAME.json, its page and plots, and of the records.</param>
/// <param name="Runs">Folder of the runs; finished ones are used again.</param>
/// <param name="Quick">At most ten minutes.</param>
/// <param name="Log">For people.</param>
internal sealed record ReproductionOptions(string Folder, string Runs, bool Quick, TimeProvider Time, TextWriter Log)
{
    /// <summary>Of the data sets; null where the command line named none.</summary>
    public string? Data { get; init; }

    public required string Zoo { get; init; }

    /// <summary>Null: the experiment's.</summary>
    public IReadOnlyList<ulong>? Seeds { get; init; }

    /// <summary>Keys; empty: all.</summary>
    public IReadOnlyList<string> Rows { get; init; } = [];

    /// <summary>Names; empty: all.</summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>Run nothing; rows of which a run is missing are left out of the table and named.</summary>
    public bool OnlyMeasured { get; init; }

    public bool IsPart => Rows.Count + Targets.Count > 0;
}
