using Cuvee.Lab.Data;

namespace Cuvee.Lab.Reproduction;

/// <summary>A table of <see cref="ExperimentCatalog"/>.</summary>
internal sealed class TableReproduction(Experiment experiment) : IReproduction
{
    public string Name => experiment.Name;

    public bool NeedsData => true;

    public bool HasParts => true;

    public async Task MeasureAsync(ReproductionOptions options, CancellationToken cancellationToken)
    {
        var chosen = experiment.ToPart(options.Rows, options.Targets);
        if (options.Quick) chosen = chosen.ToQuick();
        await using var lab = new ExperimentLab(
            options.Zoo, DataSetCatalog.Open(options.Data!), options.Runs, new MeasuredRuns(options.Folder), options.Time, options.Log);
        var runner = new ExperimentRunner(chosen with { Seeds = options.Seeds ?? chosen.Seeds }, lab, options.OnlyMeasured);
        if (options.IsPart) await runner.MeasureAsync(cancellationToken);
        else ResultsJson.Write(ResultsJson.PathOf(options.Folder, Name), await runner.RunAsync(cancellationToken));
    }

    public (string Page, string Verdict) Draw(string folder)
    {
        var results = ResultsJson.Read<ExperimentResults>(ResultsJson.PathOf(folder, Name));
        return (ResultsPage.Write(folder, results), ResultsPage.Verdict(results));
    }
}
