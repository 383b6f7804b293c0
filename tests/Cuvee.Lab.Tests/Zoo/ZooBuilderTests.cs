using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Hosting.Embedded;
using Cuvee.Inference;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Tests.Zoo;

public sealed class ZooBuilderTests(TinyZoo zoo) : IClassFixture<TinyZoo>
{
    [Fact]
    public async Task Build_TinyPlan_BaseLearnsAndSpecialistsBeatItOnTheirOwnTask()
    {
        using var model = EmbeddedModel.Load(Path.Combine(zoo.Built, "base"));
        Assert.Equal(400, model.Tokenizer.VocabSize);
        var config = model.Weights.Config;
        Assert.Equal((1, 16, 400), (config.NumHiddenLayers, config.HiddenSize, config.VocabSize));

        // The base is trained on the menu's labels and has not seen the moods'.
        (string Name, string DataSet, LabTask Task, double AtMostOfBase)[] specialists =
            [("ner-menu", "menu", LabTask.Ner, 0.97), ("classify-guest-mood", "guest_mood", LabTask.Classify, 0.5)];
        foreach (var (name, dataSet, task, atMostOfBase) in specialists)
        {
            var records = TaskBuilder.Build(zoo.Catalog[dataSet], task, Split.Test).Records;
            var adapter = PeftReader.Read(Path.Combine(zoo.Built, "adapters", name));
            var before = await LossAsync(model, records);
            var after = await LossAsync(AdaptedModel.Create(model, adapter), records);

            Assert.Equal((2, 7), (adapter.Config.Rank, adapter.Modules.Count));
            Assert.True(after < atMostOfBase * before, $"{name}: loss of the base {before}, of the specialist {after}");
            if (name == "ner-menu") Assert.True(before < 2, $"base loss {before}"); // uniform guessing has log(400) = 6.0
        }
    }

    [Fact]
    public void Build_Again_EverythingIsUpToDateAndNothingIsWritten()
    {
        var old = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        var files = Directory.GetFiles(zoo.Built, "*", SearchOption.AllDirectories);
        foreach (var file in files) File.SetLastWriteTimeUtc(file, old);

        var lines = zoo.Build(zoo.Built, zoo.Plan());

        Assert.Equal(["tokenizer: up to date", "base: up to date", "ner-menu: up to date", "classify-guest-mood: up to date"], lines);
        Assert.Equal(files.Order(), Directory.GetFiles(zoo.Built, "*", SearchOption.AllDirectories).Order());
        Assert.All(files, file => Assert.Equal(old, File.GetLastWriteTimeUtc(file)));
    }

    [Fact]
    public void Build_SameSeedInAnotherFolder_SameBytesAndAnotherSeedOthers()
    {
        var brief = TinyZoo.Yaml.Replace("steps: 260", "steps: 12", StringComparison.Ordinal);
        var (first, twin) = (zoo.Folder("first"), zoo.Folder("twin"));
        zoo.Build(first, zoo.Plan(brief));
        zoo.Build(twin, zoo.Plan(brief));
        var hashes = TinyZoo.Hashes(first);

        Assert.Equal(hashes, TinyZoo.Hashes(twin));
        Assert.Contains(Path.Combine("adapters", "ner-menu", "adapter_model.safetensors"), hashes.Keys);

        // The same folder under another seed: the tokenizer stands, everything trained is trained again.
        var lines = zoo.Build(twin, zoo.Plan(brief.Replace("seed: 11", "seed: 12", StringComparison.Ordinal)));
        var other = TinyZoo.Hashes(twin);
        Assert.Equal(["tokenizer: up to date"], lines.Where(l => l.EndsWith("up to date", StringComparison.Ordinal)));
        var trained = hashes.Keys.Where(k => k.EndsWith("model.safetensors", StringComparison.Ordinal)).ToArray();
        Assert.Equal(3, trained.Length);
        Assert.All(trained, path => Assert.NotEqual(hashes[path], other[path]));
    }

    [Fact]
    public void Build_SpecialistSettingsChanged_KeepsTheBase()
    {
        var copy = zoo.Folder("changed");
        CopyFolder(zoo.Built, copy);

        var lines = zoo.Build(copy, zoo.Plan(TinyZoo.Yaml.Replace("rank: 2", "rank: 3", StringComparison.Ordinal)));

        Assert.Equal(["tokenizer: up to date", "base: up to date"], lines.Where(l => l.EndsWith("up to date", StringComparison.Ordinal)));
        Assert.Equal(3, PeftReader.Read(Path.Combine(copy, "adapters", "ner-menu")).Config.Rank);
    }

    [Fact]
    public void Build_CutInTheBaseAndRunAgain_GoesOnFromTheCheckpointToTheSameBytes()
    {
        var folder = zoo.Folder("cut");
        var checkpoint = Path.Combine(TinyZoo.Work(folder), "base.checkpoint.safetensors");
        using var cut = new CancellationTokenSource();
        void CutAtTheCheckpoint(string line)
        {
            if (line.StartsWith("base: step 250/260", StringComparison.Ordinal)) cut.Cancel();
        }

        Assert.Throws<OperationCanceledException>(() => zoo.Build(folder, zoo.Plan(), CutAtTheCheckpoint, cut.Token));
        Assert.True(File.Exists(checkpoint));
        Assert.False(File.Exists(Path.Combine(folder, "base", "model.safetensors")));

        var lines = zoo.Build(folder, zoo.Plan());

        Assert.Equal(["260/260,"], lines.Where(l => l.StartsWith("base: step ", StringComparison.Ordinal)).Select(l => l.Split(' ')[2]));
        Assert.False(File.Exists(checkpoint));
        Assert.Equal(Artefacts(zoo.Built), Artefacts(folder));
    }

    [Theory]
    [InlineData("{ task: ner, dataset: menu }", "{ task: sing, dataset: menu }", "\"sing\"")]
    [InlineData("{ task: ner, dataset: menu }", "{ task: ner, dataset: menus }", "\"menus\"")]
    [InlineData("{ task: ner, dataset: menu }", "{ task: ner, dataset: guest_mood }", "\"guest_mood\"")]
    [InlineData("plain_length: 12", "plain_length: 90000", "plain_length")]
    public void Build_PlanThatCannotWork_RefusesBeforeAnyTraining(string from, string to, string named)
    {
        var folder = zoo.Folder("refused-" + to.Length);
        var plan = zoo.Plan(TinyZoo.Yaml.Replace(from, to, StringComparison.Ordinal));

        var exception = Assert.Throws<BadInputException>(() => zoo.Build(folder, plan));

        Assert.Contains(named, exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(folder, "base", "model.safetensors")));
    }

    /// <summary>All but provenance: its losses per tenth cover only the steps of the process that finished.</summary>
    private static SortedDictionary<string, string> Artefacts(string folder)
    {
        var hashes = TinyZoo.Hashes(folder);
        foreach (var key in hashes.Keys.Where(k => k.StartsWith("provenance", StringComparison.Ordinal)).ToArray()) hashes.Remove(key);
        return hashes;
    }

    private static async Task<double> LossAsync(EmbeddedModel model, IReadOnlyList<PromptCompletion> records)
    {
        var scores = await model.ScoreAsync(records, CancellationToken.None);
        return -scores.Sum(s => s.LogProbability) / scores.Sum(s => s.Tokens);
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
