using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.Lab.Tests.Zoo;

namespace Cuvee.Lab.Tests.Reproduction;

/// <summary>A tiny zoo with three tasks of one data set and one of another, and an experiment whose searches take a second.</summary>
public sealed class FourSpecialists : IDisposable
{
    private readonly TinyZoo tiny = new();

    public FourSpecialists()
    {
        Zoo = tiny.Folder("four");
        tiny.Build(Zoo, tiny.Plan(TinyZoo.Yaml.Replace(
            "  - { task: ner, dataset: menu }",
            "  - { task: ner, dataset: menu }\n  - { task: es, dataset: menu }\n  - { task: et, dataset: menu }",
            StringComparison.Ordinal)));
    }

    public string Zoo { get; }

    public DataSetCatalog Catalog => tiny.Catalog;

    public string Folder(string name) => tiny.Folder(name);

    internal static Experiment Small { get; } = new("small", "A small table", "All specialists but the target's own.")
    {
        Targets = [new(LabTask.Ner, "menu")],
        Pool = PoolRule.WithoutOwn,
        Rows =
        [
            new SearchRow("default", "default", ExperimentRowKind.Search, "search: fisher-probing", "budget: { queries: 260 }")
                { IsProduct = true },
            new SearchRow("evo", "evo", ExperimentRowKind.Search, "search: evo-merging\npreset: paper", "budget: { queries: 400 }")
                { Uses = "default" },
            new SearchRow("ties", "TIES", ExperimentRowKind.Baseline, "search: grid", "settings: { method: ties, density: [0.5, 1] }")
                { IsSeeded = false, Uses = "default" },
            .. ExperimentRows.Controls,
            new GradientRow(steps: 4, quickSteps: 1, learningRate: 0.05),
            new SpecialistRow(),
        ],
        MainRow = "evo",
        Seeds = [1, 2],
        ValidationRecords = 8,
        TestRecords = 5,
        Claims = [new("evo", "base", "paper"), new("evo", "specialist", "Cuvee")],
    };

    /// <param name="runs">Folder of the runs; their measurements lie in <see cref="Records"/>.</param>
    internal ExperimentLab Lab(string runs, TextWriter? output = null) =>
        new(Zoo, Catalog, Folder(runs), new MeasuredRuns(Folder($"{runs}-results")), TimeProvider.System, output ?? TextWriter.Null);

    internal string Records(string runs) => Path.Combine(Folder($"{runs}-results"), "records", "small.jsonl");

    internal async Task<ExperimentResults> RunAsync(Experiment experiment, string runs)
    {
        await using var lab = Lab(runs);
        return await new ExperimentRunner(experiment, lab).RunAsync(CancellationToken.None);
    }

    public void Dispose() => tiny.Dispose();
}
