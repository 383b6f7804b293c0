using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Niches;

/// <summary>Natural niches on digits.</summary>
internal sealed class NichesReproduction(NichesExperiment experiment) : IReproduction
{
    public string Name => experiment.Name;

    public bool NeedsData => true;

    public bool HasParts => false;

    public async Task MeasureAsync(ReproductionOptions options, CancellationToken cancellationToken)
    {
        var chosen = options.Quick ? experiment.ToQuick() : experiment;
        var images = await chosen.ReadAsync(options.Data!, cancellationToken);
        chosen = chosen with { Seeds = options.Seeds ?? chosen.Seeds };
        ResultsJson.Write(
            ResultsJson.PathOf(options.Folder, Name), chosen.Run(images, options.Runs, options.Time, options.Log, cancellationToken));
    }

    public (string Page, string Verdict) Draw(string folder)
    {
        var results = ResultsJson.Read<NichesResults>(ResultsJson.PathOf(folder, Name));
        return (NichesPage.Write(folder, results), NichesPage.Verdict(results));
    }
}
