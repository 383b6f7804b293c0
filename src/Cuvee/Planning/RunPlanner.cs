using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Journaling;
using Cuvee.LanguageModels.Chat;
using Cuvee.Metrics;
using Cuvee.Objectives;
using Cuvee.Providers;
using Cuvee.Reporting;
using Cuvee.Runs;
using Cuvee.Searches;

namespace Cuvee.Planning;

/// <summary>
/// Turns a run file into <see cref="RunPlan"/>s, asking the provider for headers but no weight and no query, and refuses early what would
/// fail late.
/// </summary>
public static class RunPlanner
{
    // What a run writes into its folder, files and folders.
    private static readonly string[] Written =
    [
        RunIdentity.FileName, ObservationJournal.FileName, EvaluationLog.FileName, PeftReader.TensorFileName, PeftReader.ConfigFileName,
        ResultOutput.CheckpointFolder, RunWriter.ManifestFileName, RunWriter.RecipeFileName, RunWriter.FrontFileName,
        RunWriter.ModelCardFileName, ComparisonTable.JsonFileName, ComparisonTable.MarkdownFileName, "compare", "comparison",
    ];

    /// <param name="resume">Continue the run in <c>out</c>, or begin it when there is none.</param>
    /// <param name="raised">Limits up to which a resume goes on: they change the forecast of the main search and nothing else, because its
    /// questions follow from the budget that it began with. Null: none.</param>
    /// <returns>The main search first, then those of <c>compare.searches</c>, each in its own sub-folder of <c>out</c>.</returns>
    /// <exception cref="BadInputException">A path is missing, the budget is too small, the provider cannot do what the search
    /// needs, or <c>out</c> is taken.</exception>
    /// <exception cref="BadInputException">A record file is missing, empty or malformed.</exception>
    public static IReadOnlyList<RunPlan> Plan(RunConfiguration configuration, bool resume = false, RunBudget? raised = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var provider = configuration.Provider;
        provider.Check(configuration.Search.Space);
        var rules = ChooseRules(configuration);
        var validation = RecordFile.Read(configuration.Validation, rules.Template);
        configuration = configuration with
        {
            Objectives = [.. configuration.Objectives.Select(objective => objective.For(validation))],
            Metric = configuration.Metric?.For([.. validation.Select(record => record.Completion)]),
        };
        if (configuration.Test == configuration.Validation)
        {
            throw new BadInputException(
                $"{configuration.File}: 'test' is the file of 'validation', which the search sees; name records of their own.");
        }

        var test = configuration.Test is null ? null : RecordFile.Read(configuration.Test, rules.Template);
        var lengths = provider.Lengths(validation, rules, configuration.Validation);
        var expenses = lengths is null
            ? RecordExpenses.Estimate(validation, configuration.MaxTokens)
            : new RecordExpenses(lengths, configuration.MaxTokens);
        var testLengths = test is null ? null : provider.Lengths(test, rules, configuration.Test!);

        RequirePool(configuration);
        if (configuration.Pool.Path is { } pool && IsInside(configuration.Out, pool))
            throw new BadInputException($"{configuration.Out}: 'out' lies in the folder of the pool, like an adapter; name another.");
        var fewShot = FewShotPrompts.Fit(configuration, rules);
        var plans = new List<RunPlan>();
        foreach (var (search, output) in Searches(configuration))
        {
            RequireFreeOut(output, resume);
            if (search.Space != configuration.Search.Space) provider.Check(search.Space);
            var isMain = plans.Count == 0;
            var limits = isMain && raised is not null ? search.Budget.With(raised) : search.Budget;
            plans.Add(Plan(configuration, search, limits, output, rules, validation, test, expenses, isMain));
        }

        if (lengths is null && (configuration.Price is not null || plans.Any(plan => plan.Search.Budget.Tokens is not null)))
        {
            plans[0] = plans[0] with
            {
                Notes = [.. plans[0].Notes, "tokens are estimated until answers tell: the provider does not count them beforehand."],
            };
        }

        if (test is not null && SharedRecords(validation, test) is { } shared)
            plans[0] = plans[0] with { Notes = [.. plans[0].Notes, shared] };
        if (CutAnswers(configuration, [.. lengths ?? [], .. testLengths ?? []]) is { } cut)
            plans[0] = plans[0] with { Notes = [.. plans[0].Notes, cut] };
        if (configuration.Compare?.FewShot is null) return plans;
        var note = fewShot is null
            ? "no few-shot row: beside the longest record not one example fits the model's context."
            : $"few-shot row: {fewShot.Examples.Count} of {validation.Count} validation records in every prompt.";
        plans[0] = plans[0] with { FewShot = fewShot, Notes = [.. plans[0].Notes, note] };
        return plans;
    }

    /// <summary>Null where no test record is one that the search sees.</summary>
    private static string? SharedRecords(IReadOnlyList<PromptCompletion> validation, IReadOnlyList<PromptCompletion> test)
    {
        var seen = validation.Select(record => (record.Prompt, record.Completion)).ToHashSet();
        var shared = test.Count(record => seen.Contains((record.Prompt, record.Completion)));
        return shared == 0 ? null
            : $"{shared} of {test.Count} test records are also validation records, which the search sees; leave them out of one file.";
    }

    /// <summary>Null where answers are not generated, or none is expected to be longer than they may be.</summary>
    private static string? CutAnswers(RunConfiguration configuration, IReadOnlyList<RecordLength> lengths)
    {
        var cut = lengths.Count(length => length.Completion > configuration.MaxTokens);
        return cut == 0 || configuration.Metric is null ? null
            : $"answers are cut at {configuration.MaxTokens} tokens, which {cut} of {lengths.Count} expected answers exceed, and " +
                $"{configuration.Metric.Name} suffers; set max_tokens to {lengths.Max(length => length.Completion)}.";
    }

    private static void RequirePool(RunConfiguration configuration)
    {
        var count = configuration.Provider.AdapterNames.Count;
        if (configuration.Compare?.RandomAdapters is not { } wanted || wanted <= count) return;
        throw new BadInputException(
            $"{configuration.File}: 'compare.random_adapters' is {wanted} and the pool has {count} adapters; lower it, or set auto.");
    }

    /// <summary>Records asked to find the best single adapter, at most; the first part of every budget of queries.</summary>
    public static long ScreeningQueries(int adapters, int records) => BestSingleAdapter.Cost(adapters, records);

    private static RunPlan Plan(
        RunConfiguration configuration,
        SearchSettings search,
        RunBudget limits,
        string output,
        TextRules rules,
        IReadOnlyList<PromptCompletion> validation,
        IReadOnlyList<PromptCompletion>? test,
        RecordExpenses expenses,
        bool isMain)
    {
        var provider = configuration.Provider;
        var names = provider.AdapterNames;
        var split = ValidationSplit.Draw(validation.Count, search.Values.Number(SearchSetting.HeldOut) ?? 0, configuration.Seed);
        var screening = isMain ? ScreeningQueries(names.Count, validation.Count) : 0;
        var kind = configuration.Objective.Observes;
        var (queries, allowance) = FitQueries(
            search.Budget,
            configuration.Price,
            isMain ? BestSingleAdapter.Expense(names.Count, validation.Count, configuration.Seed, at => expenses.Of(kind, at)) : default,
            expenses.All(kind));
        var (start, startNotes) = isMain && configuration.Start is { } given
            ? StartRecipe.Read(StartRecipe.FileOf(given), search, names, provider.Capabilities)
            : (null, []);
        var task = new SearchTask
        {
            Settings = search,
            Start = start,
            AdapterNames = names,
            Layers = provider.Capabilities.Layers ?? [],
            KeepFractions = provider.Capabilities.KeepFractions,
            WholeModels = provider.Capabilities.WholeModels,
            PathLayers = provider.Capabilities.PathLayers,
            AskedOfAll = isMain && configuration.Objective.Observes == ObservationKind.Score
                ? BestSingleAdapter.AskedOfAll(names.Count, validation.Count, configuration.Seed)
                : [],
            Split = split,
            Budget = new RunBudget(search.Budget.Evaluations, queries),
            Allowance = allowance,
            Objectives = configuration.Objectives,
            Methods = configuration.Catalog.Methods,
            Seed = configuration.Seed,
            File = configuration.File,
        };
        var program = search.Search.Prepare(task);
        if (search.Space != MergeSpace.Delta && (program.AppliesMethods || program.Start is not WeightedRecipe))
        {
            throw new BadInputException(
                $"{configuration.File}: search '{search.Search.Name}' merges in delta space; leave 'space' out.");
        }

        RequireCapabilities(configuration, search, program);
        var heldOut = search.Values.Number(SearchSetting.HeldOut) > 0 && split.HeldOut.Count == 0
            ? (string[])[$"no early stopping: {validation.Count} validation records leave too few to hold out."]
            : [];
        return new RunPlan
        {
            Configuration = configuration,
            Search = search,
            Program = program,
            Out = output,
            AdapterNames = names,
            Text = rules,
            Validation = validation,
            Test = test,
            Split = split,
            Expenses = expenses,
            Forecast = Forecast(configuration, limits, program, screening, validation.Count, names.Count, expenses.Expected, isMain),
            Notes = [.. startNotes, .. program.Notes, .. TextNotes(rules), .. heldOut, .. provider.Capabilities.Weights
                ? []
                : (string[])["the provider keeps its weights to itself: the result is a recipe without weights."]],
        };
    }

    /// <summary>Queries that remain for the stages by the tightest limit, and that limit where it is not one of queries.</summary>
    /// <param name="screening">What finding the best single adapter takes at most.</param>
    /// <param name="all">What asking about every record once takes at most.</param>
    private static (int? Queries, QueryAllowance? Allowance) FitQueries(
        RunBudget budget, TokenPrice? price, Expense screening, Expense all)
    {
        var queries = budget.Queries - (double)screening.Queries;
        QueryAllowance? tightest = null;
        foreach (var (key, limit, amountOf) in ((string, double?, Func<Expense, double>)[])
        [
            ("tokens", budget.Tokens, expense => expense.Tokens),
            ("cost", budget.Cost, expense => price!.CostOf(expense)),
        ])
        {
            if (limit is null || amountOf(all) <= 0) continue;
            var (perQuery, before) = (amountOf(all) / all.Queries, amountOf(screening));
            var affordable = (limit.Value - before) / perQuery;
            if (queries <= affordable) continue;
            (queries, tightest) = (affordable, new QueryAllowance(key, perQuery, before));
        }

        return (queries is { } most ? (int)Math.Min(Math.Floor(most), int.MaxValue) : null, tightest);
    }

    private static IEnumerable<string> TextNotes(TextRules rules)
    {
        if (rules.Template.Name != ChatTemplates.None.Name)
        {
            var origin = rules.Origin is { } file ? $"recognised in {file}" : "as the run file says";
            yield return $"prompts are written by template {rules.Template.Name}, {origin}.";
        }

        if (rules.CompletionEnd == TextRules.NoEnd) yield return "completions are not closed by a token.";
        else if (rules.CompletionEnd != TextRules.Auto) yield return $"completions are closed by '{rules.CompletionEnd}'.";
    }

    private static TextRules ChooseRules(RunConfiguration configuration)
    {
        try
        {
            return TextRules.Choose(
                configuration.Template, configuration.CompletionEnd, RecordFile.HoldsConversations(configuration.Validation),
                configuration.Provider.Chat);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"{configuration.File}: 'template': {exception.Message}", exception);
        }
    }

    private static void RequireCapabilities(RunConfiguration configuration, SearchSettings search, SearchProgram program)
    {
        var (provider, capabilities) = (configuration.Provider, configuration.Provider.Capabilities);
        var (needs, objectives) = (search.Search.Needs, configuration.Objectives);
        var unscored = objectives.FirstOrDefault(objective =>
            objective.Observes == ObservationKind.Score && capabilities.LogProbabilities == LogProbabilityDetail.None);
        var unanswered = objectives.FirstOrDefault(objective => objective.Observes == ObservationKind.Answer && !capabilities.Answers);
        string?[] metrics =
            [.. objectives.Select(objective => objective.Name), configuration.Metric?.Name, configuration.Compare?.Metric.Name];
        var problem =
            !capabilities.Scores && metrics.Contains(CommandMetric.MetricName)
                ? $"it gives no scores, which objective and metric '{CommandMetric.MetricName}' read; choose a metric of answers such as " +
                    "exact-match"
            : unscored is not null
                ? $"objective '{unscored.Name}' needs log-probabilities, which it does not give; set objective to a metric such as ie-f1"
            : unanswered is not null
                ? $"objective '{unanswered.Name}' needs answers, which it does not generate; set objective: cross-entropy"
            : needs.HasFlag(SearchNeeds.LogProbabilities) && capabilities.LogProbabilities == LogProbabilityDetail.None
                ? $"search '{search.Search.Name}' needs log-probabilities, which it does not give; use evo-merging or cma-es"
            : needs.HasFlag(SearchNeeds.LogProbabilities) && objectives[0].Observes != ObservationKind.Score
                ? $"search '{search.Search.Name}' reads log-probabilities, which objective '{objectives[0].Name}' does not ask for; use " +
                    "objective: cross-entropy, or evo-merging or cma-es"
            : needs.HasFlag(SearchNeeds.SeveralObjectives) && objectives.Count < 2
                ? $"search '{search.Search.Name}' needs several objectives; list them, such as objective: [cross-entropy, ie-f1]"
            : !needs.HasFlag(SearchNeeds.SeveralObjectives) && objectives.Count > 1
                ? $"search '{search.Search.Name}' reads one objective; keep '{objectives[0].Name}' alone, or name a search that reads " +
                    "several"
            : program.Start is WeightedRecipe weighted && !capabilities.Spaces.Contains(weighted.Space)
                ? $"it cannot merge in space '{search.SpaceName}'; " +
                    $"set space: {string.Join(" or ", capabilities.Spaces.Select(space => space.ToString().ToLowerInvariant()))}"
            : program.AppliesMethods && !capabilities.Methods
                ? $"it cannot apply merge methods, which search '{search.Search.Name}' needs; use evo-merging, cma-es or fisher-probing"
            : configuration.Output != OutputSettings.Default && !capabilities.Weights
                ? "it gives no weights to write; leave 'output' out"
            : configuration.Output.Format == OutputFormat.Folded && !capabilities.Checkpoints
                ? "it does not hold the base model's weights; set output: {format: peft}, or fold the recipe later by cuvee apply"
            : capabilities.FoldedOnly && configuration.Output.Format != OutputFormat.Folded
                ? "its pool holds DoRA adapters, whose merge is no LoRA adapter; set output: {format: folded} or exclude them"
            : capabilities.WholeModels && (configuration.Output.Format == OutputFormat.Peft || configuration.Output.Rank is not null)
                ? "its pool holds whole models, which merge to no adapter; leave output.rank and output.format out"
            : null;
        if (problem is not null) throw new BadInputException($"{configuration.File}: {provider.Description}: {problem}.");
    }

    private static IEnumerable<(SearchSettings Search, string Out)> Searches(RunConfiguration configuration)
    {
        yield return (configuration.Search, configuration.Out);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var search in configuration.Compare?.Searches ?? [])
        {
            var name = $"{search.Search.Name}-{search.SpaceName}";
            var first = name;
            for (var copy = 2; !taken.Add(name); copy++) name = $"{first}-{copy}";
            yield return (search, Path.Combine(configuration.Out, "compare", name));
        }
    }

    /// <summary>Below the folder, or the folder itself.</summary>
    private static bool IsInside(string path, string folder)
    {
        static string Closed(string each) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(each)) + Path.DirectorySeparatorChar;
        return Closed(path).StartsWith(Closed(folder), StringComparison.Ordinal);
    }

    private static void RequireFreeOut(string output, bool resume)
    {
        if (File.Exists(output)) throw new BadInputException($"{output}: 'out' is a file; name a folder.");
        var journal = new FileInfo(Path.Combine(output, ObservationJournal.FileName));
        var isEmpty = journal is { Exists: true, Length: 0 }; // its process ended before it had written run.json
        var taken = Written.FirstOrDefault(
            name => Path.Exists(Path.Combine(output, name)) && !(isEmpty && name == ObservationJournal.FileName));
        var holdsRun = File.Exists(Path.Combine(output, RunIdentity.FileName));
        if (taken is null || (resume && holdsRun)) return;
        throw new BadInputException(holdsRun
            ? $"{output}: already holds a run ({taken}); add --resume to continue it, or choose another 'out'."
            : $"{output}: holds {taken} but no {RunIdentity.FileName}, so it is no run to resume, and {taken} would be replaced; choose " +
                "another 'out'.");
    }

    private static RunForecast Forecast(
        RunConfiguration configuration, RunBudget budget, SearchProgram program, long screening, int records, int adapters,
        Expense expected, bool isMain)
    {
        var (evaluations, queries) = (program.Evaluations, program.Queries + screening);
        var (tokensPerQuery, price) = (expected.Tokens / (double)expected.Queries, configuration.Price);
        var costPerQuery = price?.CostOf(expected) / expected.Queries;
        if (!program.HasFixedCost && budget != RunBudget.None && evaluations is not null && queries is not null)
        {
            // A budget replaces the preset's limits; the other kinds of cost follow in proportion.
            var factor = ((double?[])
            [
                budget.Evaluations / (double)evaluations,
                budget.Queries / (double)queries,
                budget.Tokens / (queries * tokensPerQuery),
                budget.Cost / (queries * costPerQuery),
            ]).Min() ?? 1;
            (evaluations, queries) = ((long)Math.Round((double)(evaluations * factor)), (long)Math.Round((double)(queries * factor)));
        }

        // Beside the budget: the loss of the adapters that this search did not screen itself and of what is written (again for every rank
        // that loses too much), and the metric of result, start and adapters.
        var readsMetric = configuration.Metric is not null && configuration.Objective.Observes == ObservationKind.Score
            && configuration.Provider.Capabilities.Answers;
        var isWritten = configuration.Provider.Capabilities.Weights;
        var control = ((isMain ? 0L : 1L) + (isWritten ? 1 : 0) + (readsMetric ? 1 + (isMain ? 3 : 4) : 0)) * records
            + (readsMetric && isMain ? ScreeningQueries(adapters, records) : 0);
        return new RunForecast(
            evaluations,
            queries,
            control,
            (long?)((queries + control) * tokensPerQuery),
            configuration.Provider.MemoryBytes(
                expected.Tokens, readsMetric || configuration.Objective.Observes != ObservationKind.Score),
            (queries + control) * costPerQuery);
    }
}
