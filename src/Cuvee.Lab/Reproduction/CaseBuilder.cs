using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Reproduction;

/// <summary>Resolves an experiment against a zoo and its data sets. Same experiment, zoo, data and seed, same cases.</summary>
internal sealed class CaseBuilder(Experiment experiment, ExperimentLab lab)
{
    /// <summary>All targets as one case, whatever the experiment: with and without distractors share what needs no pool.</summary>
    private const string InDomain = "in-domain";

    private IReadOnlyList<ExperimentTarget>? present;

    /// <summary>What had to be left out, one sentence each.</summary>
    public IReadOnlyList<string> Skipped => skipped;

    private readonly List<string> skipped = [];

    /// <summary>Those that the zoo and the data sets allow.</summary>
    /// <exception cref="BadInputException">Something is missing and the experiment cannot do without, or nothing is left.</exception>
    public IReadOnlyList<ExperimentTarget> Targets => present ??= FindTargets();

    /// <returns>Null where the pool is too small for the point; <see cref="Skipped"/> says so.</returns>
    /// <param name="targets">One target, or all of them under <see cref="PoolRule.TargetsOnly"/>.</param>
    /// <param name="seed">Draws records, noise and pool where the experiment draws them per seed.</param>
    public ExperimentCase? Build(IReadOnlyList<ExperimentTarget> targets, ExperimentPoint point, ulong seed)
    {
        var name = experiment.Pool == PoolRule.TargetsOnly ? InDomain : targets[0].Name;
        var pool = Pool(targets);
        if (point.PoolSize is { } size)
        {
            if (pool.Count < size)
            {
                Skip($"{name}: its pool has {pool.Count} adapters, so the point of {size} is left out.");
                return null;
            }

            pool = [.. Shuffled(pool, seed, "pool").Take(size).Order(StringComparer.Ordinal)];
        }

        if (pool.Count == 0) throw new BadInputException($"{lab.AdaptersFolder}: no adapter is left for {name}; build more specialists.");
        var wanted = point.ValidationRecords ?? experiment.ValidationRecords;
        var tests = new List<ExperimentTest>();
        foreach (var target in targets)
        {
            var dataSet = lab.Catalog[target.DataSet];
            var reserved = TaskBuilder.Build(dataSet, target.Task, Split.Validation).Records;
            var test = TaskBuilder.Build(dataSet, target.Task, Split.Test, experiment.TestRecords).Records;
            if (reserved.Count == 0 || test.Count == 0)
                throw new BadInputException($"The data set \"{target.DataSet}\" has no record to validate or to test {target.Name} on.");
            if (reserved.Count < wanted && point.ValidationRecords is not null)
            {
                Skip($"{name}: {reserved.Count} validation records are reserved, so the point of {wanted} is left out.");
                return null;
            }

            IEnumerable<PromptCompletion> drawn = experiment.DrawsPerSeed ? Shuffled(reserved, seed, "validation-records") : reserved;
            PromptCompletion[] validation = [.. drawn.Take(wanted)];
            if (targets.Count > 1) validation = [.. validation.Select(record => record with { Id = $"{target.Name}/{record.Id}" })];
            tests.Add(new ExperimentTest(target, LabelNoise.Apply(validation, point.LabelNoise, seed), test));
        }

        return new ExperimentCase(name, pool, [.. tests.SelectMany(test => test.Validation)], tests);
    }

    private List<string> Pool(IReadOnlyList<ExperimentTarget> targets) => [.. experiment.Pool switch
    {
        PoolRule.WithoutOwn => lab.AdapterNames.Where(name => name != targets[0].Name),
        PoolRule.WithoutDataSet => lab.AdapterNames.Where(name => !targets[0].Siblings.Contains(name)),
        _ => lab.AdapterNames.Where(name => targets.Any(target => target.Name == name) || experiment.Distractors.Contains(name)),
    }];

    private List<ExperimentTarget> FindTargets()
    {
        var found = new List<ExperimentTarget>();
        foreach (var target in experiment.Targets)
        {
            var problem = Missing(target.Name)
                ?? (lab.Catalog.DataSets.All(set => set.Name != target.DataSet) ? $"there is no data set {target.DataSet}" : null);
            if (problem is null) found.Add(target);
            else if (experiment.SkipsMissing) Skip($"{target.Name}: {problem}, so this target is left out.");
            else throw new BadInputException($"{target.Name}: {problem}, and {experiment.Name} needs all its targets; {Mend}.");
        }

        if (experiment.Distractors.Select(Missing).FirstOrDefault(problem => problem is not null) is { } distractor)
            throw new BadInputException($"{experiment.Name} needs all its distractors, but {distractor}; {Mend}.");
        if (found.Count == 0)
        {
            throw new BadInputException(
                $"{experiment.Name}: no target is left ({string.Join(" ", skipped)}) {char.ToUpperInvariant(Mend[0])}{Mend[1..]}.");
        }

        return found;
    }

    private const string Mend = "build the zoo with it, or name another with --zoo and --data";

    private string? Missing(string specialist) =>
        lab.AdapterNames.Contains(specialist, StringComparer.Ordinal) ? null : $"the zoo has no specialist {specialist}";

    private void Skip(string sentence)
    {
        if (!skipped.Contains(sentence)) skipped.Add(sentence);
    }

    private static T[] Shuffled<T>(IEnumerable<T> items, ulong seed, string purpose)
    {
        T[] shuffled = [.. items];
        SeededRandom.Derive(seed, purpose).Shuffle(shuffled.AsSpan());
        return shuffled;
    }
}
