using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.Lab.Reproduction;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Tests.Reproduction;

public sealed class CaseBuilderTests(FourSpecialists zoo) : IClassFixture<FourSpecialists>
{
    private static readonly ExperimentTarget Menu = new(LabTask.Ner, "menu");

    [Theory]
    [InlineData(nameof(PoolRule.WithoutOwn), "classify-guest-mood es-menu et-menu")]
    [InlineData(nameof(PoolRule.WithoutDataSet), "classify-guest-mood")]
    [InlineData(nameof(PoolRule.TargetsOnly), "ner-menu")]
    public async Task Build_PoolRule_LeavesOutWhatItSays(string rule, string adapters)
    {
        await using var lab = zoo.Lab("rules");
        var experiment = FourSpecialists.Small with { Pool = Enum.Parse<PoolRule>(rule) };
        var built = new CaseBuilder(experiment, lab).Build([Menu], new ExperimentPoint(""), 1)!;

        Assert.Equal(adapters.Split(' '), built.Adapters);
        Assert.Equal(TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Validation, 8).Records, built.Validation);
        Assert.Equal(TaskBuilder.Build(zoo.Catalog["menu"], LabTask.Ner, Split.Test, 5).Records, Assert.Single(built.Tests).Records);
    }

    [Fact]
    public async Task Build_DrawnPerSeed_LargerPoolsHoldSmallerOnesAndSeedsDiffer()
    {
        await using var lab = zoo.Lab("drawn");
        var builder = new CaseBuilder(FourSpecialists.Small with { DrawsPerSeed = true }, lab);
        ExperimentCase Draw(int size, ulong seed) => builder.Build([Menu], new ExperimentPoint("") { PoolSize = size }, seed)!;

        var cases = Enumerable.Range(1, 12).Select(seed => (Two: Draw(2, (ulong)seed), One: Draw(1, (ulong)seed))).ToList();
        Assert.All(cases, drawn => Assert.Subset(drawn.Two.Adapters.ToHashSet(), drawn.One.Adapters.ToHashSet()));
        Assert.Equal(3, cases.Select(drawn => drawn.One.Adapters[0]).Distinct().Count());
        Assert.Equal(Draw(2, 5).Validation, Draw(2, 5).Validation);
        Assert.NotEqual(Draw(2, 5).Validation.Select(record => record.Id), Draw(2, 6).Validation.Select(record => record.Id));
        Assert.NotEqual(Draw(2, 5).Folder(lab), Draw(2, 6).Folder(lab));
        Assert.Equal(Draw(2, 5).Folder(lab), Draw(2, 5).Folder(lab));
    }

    [Fact]
    public async Task Build_Distractors_OnlyRunsThatNeedThePoolAreOthers()
    {
        await using var lab = zoo.Lab("distractors");
        var pure = FourSpecialists.Small with { Name = "pure", Pool = PoolRule.TargetsOnly };
        ExperimentCase[] cases =
        [
            .. ((Experiment[])[pure, pure with { Name = "noisy", Distractors = ["classify-guest-mood"] }])
                .Select(experiment => new CaseBuilder(experiment, lab).Build([Menu], new ExperimentPoint(""), 1)!),
        ];

        Assert.NotEqual(cases[0].Folder(lab), cases[1].Folder(lab));
        Assert.Equal((cases[0] with { Adapters = [] }).Folder(lab), (cases[1] with { Adapters = [] }).Folder(lab));
    }

    [Fact]
    public void Siblings_EntitiesBesideRelations_AreOneDataSetAndALongerNameIsNot()
    {
        var siblings = new ExperimentTarget(LabTask.Re, "scierc").Siblings;
        Assert.Superset(new HashSet<string> { "re-scierc", "epr-scierc", "ner-scierc-ner", "et-scierc-ner" }, siblings.ToHashSet());
        Assert.Contains("re-scierc", new ExperimentTarget(LabTask.Ner, "scierc_ner").Siblings);
        Assert.DoesNotContain("ner-mit-movie-trivia", new ExperimentTarget(LabTask.Ner, "mit_movie").Siblings);
    }

    [Fact]
    public async Task Targets_MissingSpecialist_IsNamedAndLeftOutOnlyWhereTheExperimentSaysSo()
    {
        await using var lab = zoo.Lab("missing");
        var experiment = FourSpecialists.Small with { Targets = [Menu, new(LabTask.Re, "conll04"), new(LabTask.Classify, "guest_mood")] };

        var skipping = new CaseBuilder(experiment with { SkipsMissing = true }, lab);
        Assert.Equal(["ner-menu", "classify-guest-mood"], skipping.Targets.Select(target => target.Name));
        Assert.Equal(["re-conll04: the zoo has no specialist re-conll04, so this target is left out."], skipping.Skipped);
        Assert.Equal(
            "re-conll04: the zoo has no specialist re-conll04, and small needs all its targets; build the zoo with it, or name another " +
            "with --zoo and --data.",
            Refusal(experiment));
        Assert.Equal(
            "small: no target is left (re-conll04: the zoo has no specialist re-conll04, so this target is left out.) Build the zoo " +
            "with it, or name another with --zoo and --data.",
            Refusal(experiment with { SkipsMissing = true, Targets = [experiment.Targets[1]] }));
        Assert.Equal(
            "small needs all its distractors, but the zoo has no specialist classify-sst5; build the zoo with it, or name another with " +
            "--zoo and --data.",
            Refusal(FourSpecialists.Small with { Distractors = ["classify-sst5"] }));

        string Refusal(Experiment refused) => Assert.Throws<BadInputException>(() => new CaseBuilder(refused, lab).Targets).Message;
    }

    [Fact]
    public void Lab_NoZoo_NamesTheFolderAndTheOption()
    {
        var empty = Directory.CreateDirectory(zoo.Folder("empty")).FullName;
        var exception = Assert.Throws<BadInputException>(() =>
            new ExperimentLab(empty, zoo.Catalog, empty, new MeasuredRuns(empty), TimeProvider.System, TextWriter.Null));
        Assert.StartsWith($"{empty}: holds no zoo", exception.Message, StringComparison.Ordinal);
        Assert.Contains("--zoo", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelNoise_Fractions_SpoilThatManyAndALargerOneSpoilsTheSameToo()
    {
        PromptCompletion[] records = [.. Enumerable.Range(0, 10).Select(i => new PromptCompletion($"{i}", $"p{i}", $" {i / 2}"))];
        HashSet<int> Spoiled(double fraction, ulong seed = 1) => [.. LabelNoise.Apply(records, fraction, seed).Index()
            .Where(noisy => noisy.Item.Completion != records[noisy.Index].Completion).Select(noisy => noisy.Index)];

        Assert.Empty(Spoiled(0));
        Assert.Equal([2, 4, 10], ((double[])[0.2, 0.4, 1]).Select(fraction => Spoiled(fraction).Count));
        Assert.Subset(Spoiled(0.4), Spoiled(0.2));
        Assert.NotEqual(Spoiled(0.4), Spoiled(0.4, seed: 2));
        var noisy = LabelNoise.Apply(records, 1, 1);
        Assert.Equal(records.Select(record => (record.Id, record.Prompt)), noisy.Select(record => (record.Id, record.Prompt)));
        Assert.All(noisy, record => Assert.Contains(record.Completion, records.Select(clean => clean.Completion)));
        Assert.Equal(noisy, LabelNoise.Apply(records, 1, 1));
    }
}
