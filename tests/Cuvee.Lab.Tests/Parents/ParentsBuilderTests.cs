using System.Globalization;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Lab.Parents;
using Cuvee.Lab.Zoo;

namespace Cuvee.Lab.Tests.Parents;

/// <summary>The real plans on the shipped base, cut to two steps of two records.</summary>
public sealed class ParentsBuilderTests : IDisposable
{
    private const int Records = 2;

    private static readonly ParentPlan[] Brief = [.. ParentPlan.All.Select(plan => plan with { Steps = 2, BatchSize = 2 })];
    private static readonly string ZooBase = Path.Combine(FindRoot(), "zoo", "base");

    private readonly string root = Directory.CreateTempSubdirectory("cuvee-parents").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task Build_BriefPlans_GivesModelsRecordsAndATableThatACutBuildEndsWithToo()
    {
        var (folder, cut) = (Path.Combine(root, "whole"), Path.Combine(root, "cut"));
        var (table, _) = await BuildAsync(folder, Brief);

        foreach (var plan in Brief) Assert.Equal(4096, ModelFolder.Open(Path.Combine(folder, plan.Name)).Config.VocabSize);
        foreach (var skill in SkillRecords.Measured)
        {
            foreach (var split in new[] { "validation", "test" })
                Assert.Equal(Records, RecordFile.Read(Path.Combine(folder, "records", $"{skill.Name()}-{split}.jsonl")).Count);
        }

        Assert.Equal((Brief.Length + 5) * SkillRecords.Measured.Count, table.Scores.Count);
        Assert.All(table.Scores, score => Assert.InRange(score.Loss, 1, 20)); // untrained: far from 0, near log(4096) = 8.3
        var trained = Hashes(folder).Where(file => file.Key.EndsWith("model.safetensors", StringComparison.Ordinal)).ToArray();
        Assert.Equal(Brief.Length, trained.Select(file => file.Value).Distinct().Count());
        Assert.DoesNotContain(ZooFingerprint.OfFile(Path.Combine(ZooBase, "model.safetensors")), trained.Select(file => file.Value));

        using var stop = new CancellationTokenSource();
        void CutAfterTheBase(string line)
        {
            if (line.StartsWith("base: step 2/2", StringComparison.Ordinal)) stop.Cancel();
        }

        await Assert.ThrowsAsync<OperationCanceledException>(() => BuildAsync(cut, Brief, CutAfterTheBase, stop.Token));
        Assert.False(File.Exists(Path.Combine(cut, "math", "model.safetensors")));
        var (_, lines) = await BuildAsync(cut, Brief);

        Assert.Equal(["base: up to date"], lines.Where(line => line.EndsWith("up to date", StringComparison.Ordinal)));
        Assert.Equal(Hashes(folder), Hashes(cut));
        var (_, again) = await BuildAsync(cut, [.. Brief.Select(plan => plan.Name == "joint" ? plan with { Steps = 1 } : plan)]);
        Assert.Equal(
            ["base: up to date", "esperanto: up to date", "joint-target: up to date", "math: up to date"],
            again.Where(line => line.EndsWith("up to date", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Build_NoModelToStartFrom_RefusesAndWritesNothing()
    {
        var folder = Path.Combine(root, "refused");
        var builder = new ParentsBuilder(Brief, Path.Combine(root, "nowhere"), folder, 1, TimeProvider.System, TextWriter.Null);

        var exception = await Assert.ThrowsAsync<BadInputException>(() => builder.BuildAndMeasureAsync(Records, CancellationToken.None));

        Assert.Contains("nowhere", exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void Render_Scores_ARowAModelAColumnASkill()
    {
        var table = new ParentsTable(1, [new("one", "a", 4, 0.25, 1.234), new("one", "b", 4, 1, 0), new("two", "a", 4, 0, 3),
            new("two", "b", 4, 0.5, 2)]);

        Assert.Equal(
            "| model | a | b |\n|---|---:|---:|\n| one | 25.0 (1.23) | 100.0 (0.00) |\n| two | 0.0 (3.00) | 50.0 (2.00) |\n",
            table.Render());
    }

    private static async Task<(ParentsTable Table, string[] Lines)> BuildAsync(
        string folder, ParentPlan[] plans, Action<string>? onLine = null, CancellationToken cancellationToken = default)
    {
        using var log = new Lines(onLine);
        var table = await new ParentsBuilder(plans, ZooBase, folder, 1, TimeProvider.System, log)
            .BuildAndMeasureAsync(Records, cancellationToken);
        return (table, log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static SortedDictionary<string, string> Hashes(string folder) => new(
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(folder, file), ZooFingerprint.OfFile),
        StringComparer.Ordinal);

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Cuvee.slnx"))) folder = folder.Parent!;
        return folder.FullName;
    }

    private sealed class Lines(Action<string>? onLine) : StringWriter(CultureInfo.InvariantCulture)
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            onLine?.Invoke(value ?? "");
        }
    }
}
