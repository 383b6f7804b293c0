using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization;
using Cuvee.Journaling;
using Cuvee.Merging;
using Cuvee.Searches;

namespace Cuvee.Planning;

/// <summary>
/// Turns a run file into a <see cref="RunPlan"/>, reading headers, records and the tokenizer but no weight, and refuses early what
/// would fail late.
/// </summary>
public static class RunPlanner
{
    private static readonly string[] RunFiles =
        [RunIdentity.FileName, Journal.FileName, "adapter_model.safetensors", "merge_manifest.json"];

    /// <param name="resume">Continue the run in <c>out</c>, or begin it when there is none.</param>
    /// <returns>The main search first, then those of <c>compare.searches</c>, each in its own sub-folder of <c>out</c>.</returns>
    /// <exception cref="RunConfigurationException">A path is missing, the budget is too small, the pool does not fit the space, or
    /// <c>out</c> is taken.</exception>
    /// <exception cref="RecordFileException">A record file is missing, empty or malformed.</exception>
    public static IReadOnlyList<RunPlan> Plan(RunConfiguration configuration, bool resume = false)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (!Directory.Exists(configuration.Model))
        {
            throw new RunConfigurationException(
                $"{configuration.File}: 'model' names {configuration.Model}, which is no folder; correct the path.");
        }

        var tokenizer = Path.Combine(configuration.Model, "tokenizer.json");
        if (!File.Exists(tokenizer)) throw new RunConfigurationException($"{tokenizer}: missing; 'model' must be a whole model folder.");

        var config = HuggingFaceModelReader.ReadConfig(configuration.Model);
        var tokens = new RecordTokens(Tokenizer.Load(tokenizer), config.MaxPositionEmbeddings);
        var validation = RecordFile.Read(configuration.Validation);
        var test = configuration.Test is null ? null : RecordFile.Read(configuration.Test);
        var tokensPerRecord = tokens.Mean(validation, configuration.Validation);
        if (test is not null) tokens.Mean(test, configuration.Test!);

        var plans = new List<RunPlan>();
        foreach (var (search, output) in Searches(configuration))
        {
            RequireFreeOut(output, resume);
            var headers = PoolHeaders.Read(configuration.Pool, search.Space);
            var split = ValidationSplit.Draw(validation.Count, search.HeldOutFraction, configuration.Seed);
            var sizes = SearchSizes.Fit(search, headers.Count, validation.Count, split.Search.Count, configuration.File);
            var stages = SearchStages.Of(search, sizes, configuration.Seed);
            plans.Add(new RunPlan
            {
                Configuration = configuration,
                Search = search,
                Out = output,
                AdapterNames = [.. headers.Select(header => header.Name)],
                Validation = validation,
                Test = test,
                Split = split,
                Stages = stages,
                Forecast = Forecast(search, sizes, headers, config, split, tokensPerRecord),
                Notes = search.HeldOutFraction > 0 && split.HeldOut.Count == 0
                    ? [.. sizes.Notes, $"no early stopping: {validation.Count} validation records leave too few to hold out."]
                    : sizes.Notes,
            });
        }

        return plans;
    }

    private static IEnumerable<(SearchSettings Search, string Out)> Searches(RunConfiguration configuration)
    {
        yield return (configuration.Search, configuration.Out);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var search in configuration.Compare?.Searches ?? [])
        {
            var name = $"{SearchSettingsReader.NameOf(search.Kind)}-{search.Space.ToString().ToLowerInvariant()}";
            var first = name;
            for (var copy = 2; !taken.Add(name); copy++) name = $"{first}-{copy}";
            yield return (search, Path.Combine(configuration.Out, "compare", name));
        }
    }

    private static void RequireFreeOut(string output, bool resume)
    {
        if (File.Exists(output)) throw new RunConfigurationException($"{output}: 'out' is a file; name a folder.");
        var taken = RunFiles.FirstOrDefault(name => File.Exists(Path.Combine(output, name)));
        if (taken is null || (resume && File.Exists(Path.Combine(output, RunIdentity.FileName)))) return;
        throw new RunConfigurationException(resume
            ? $"{output}: holds {taken} but no {RunIdentity.FileName}, so there is nothing to resume; choose another 'out'."
            : $"{output}: already holds a run ({taken}); add --resume to continue it, or choose another 'out'.");
    }

    private static RunForecast Forecast(
        SearchSettings search,
        SearchSizes sizes,
        IReadOnlyList<AdapterHeader> pool,
        LlamaConfig config,
        ValidationSplit split,
        double tokensPerRecord)
    {
        var records = split.Search.Count + split.HeldOut.Count;
        var rechecks = (long)SearchSizes.Rechecks * search.Stages.Count;
        long evaluations, queries;
        if (search.FisherProbing is { } probing)
        {
            var (probes, line) = (pool.Count + 1, 4); // the step's candidates and the point they must beat
            evaluations = ((long)probing.Rounds * (probes + line)) + rechecks;
            var round = (probes * probing.ProbeRecords) + (line * probing.LineSearchRecords);
            queries = ((long)probing.Rounds * round) + (rechecks * records);
        }
        else
        {
            var candidates = search.Stages.Sum(stage => (long)stage.Evaluations / sizes.PopulationSize * sizes.PopulationSize);
            var checks = split.HeldOut.Count == 0 ? 0 : 2 * candidates / sizes.PopulationSize / search.CheckEvery;
            evaluations = candidates + checks + rechecks;
            queries = (candidates * sizes.SampleSize) + (checks * split.HeldOut.Count) + (rechecks * records);
        }

        var bounded = search.Budget is not (null, null);
        if (bounded)
        {
            // A budget replaces the preset's limits; the other kind of cost follows in proportion.
            var factor = Math.Min(
                search.Budget.Evaluations / (double)evaluations ?? double.PositiveInfinity,
                search.Budget.Queries / (double)queries ?? double.PositiveInfinity);
            (evaluations, queries) = ((long)(evaluations * factor), (long)(queries * factor));
        }

        var linear = config.LinearModules.Sum(module => (long)module.OutFeatures * module.InFeatures) * config.NumHiddenLayers;
        var embedding = (long)config.VocabSize * config.HiddenSize * (config.TieWordEmbeddings ? 1 : 2);
        var floats = (2 * linear) + embedding + (2 * pool.Sum(adapter => adapter.Parameters));
        return new RunForecast(evaluations, queries, (long)(queries * tokensPerRecord), sizeof(float) * floats);
    }
}
