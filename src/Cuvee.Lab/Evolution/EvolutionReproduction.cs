using Cuvee.Lab.Parents;
using Cuvee.Lab.Reproduction;

namespace Cuvee.Lab.Evolution;

/// <summary>Evolutionary merging of fully fine-tuned parents, which are trained first.</summary>
internal sealed class EvolutionReproduction : IReproduction
{
    public string Name => EvolutionExperiment.Name;

    public bool NeedsData => false;

    public bool HasParts => false;

    public async Task MeasureAsync(ReproductionOptions options, CancellationToken cancellationToken)
    {
        var parents = Path.Combine(options.Runs, options.Quick ? "parents-quick" : "parents");
        ParentsBuilder.For(options.Quick, options.Zoo, parents, seed: 1, options.Time, options.Log)
            .Build(ParentsBuilder.RecordsOf(options.Quick), cancellationToken);
        var experiment = new EvolutionExperiment(
            new ParentsFolder(parents), options.Runs, options.Quick, options.Time, options.Log);
        var seeds = options.Seeds ?? (options.Quick ? EvolutionExperiment.QuickSeeds : EvolutionExperiment.Seeds);
        ResultsJson.Write(ResultsJson.PathOf(options.Folder, Name), await experiment.RunAsync(seeds, cancellationToken));
    }

    public (string Page, string Verdict) Draw(string folder)
    {
        var results = ResultsJson.Read<EvolutionResults>(ResultsJson.PathOf(folder, Name));
        return (EvolutionPage.Write(folder, results), EvolutionPage.Verdict(results));
    }
}
