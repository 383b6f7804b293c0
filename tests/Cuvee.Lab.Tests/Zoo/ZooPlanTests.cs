using Cuvee.Formats;
using Cuvee.Lab.Zoo;

namespace Cuvee.Lab.Tests.Zoo;

public sealed class ZooPlanTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-plan").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Read_TinyPlan_TakesEveryValueAndNamesSpecialists()
    {
        var plan = Read(TinyZoo.Yaml);

        var (shape, lora) = (plan.Base, plan.SpecialistDefaults);
        Assert.Equal((11UL, 16, 24, 400, 260), (plan.Seed, shape.HiddenSize, shape.IntermediateSize, shape.VocabSize, shape.Steps));
        Assert.Equal((2, 4.0, 1e-2), (lora.Rank, lora.LoraAlpha, lora.LearningRate));
        Assert.Equal(["ner-menu", "classify-guest-mood"], plan.Specialists.Select(s => s.Name));
        Assert.Equal([null, 60], plan.Specialists.Select(s => s.Steps));
    }

    [Fact]
    public void Read_UnknownKey_NamesFileLineAndKey()
    {
        var exception = Assert.Throws<BadInputException>(() => Read("seed: 1\nbase:\n  hidden_size: 16\n  hiden_layers: 3\n"));

        Assert.Contains("plan.yaml, line 4:", exception.Message, StringComparison.Ordinal);
        Assert.Contains("hiden_layers", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ValueOfTheWrongType_NamesTheLine()
    {
        var exception = Assert.Throws<BadInputException>(() => Read("seed: 1\nbase:\n  steps: many\n"));

        Assert.Contains("line 3:", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TwoSpecialistsOfOneName_NamesIt()
    {
        var exception = Assert.Throws<BadInputException>(
            () => Read("specialists:\n  - { task: ner, dataset: a_b }\n  - { task: ner, dataset: a-b }\n"));

        Assert.Contains("ner-a-b", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_EmptyOrMissingFile_SaysSo()
    {
        Assert.Contains("empty", Assert.Throws<BadInputException>(() => Read("")).Message, StringComparison.Ordinal);
        var missing = Path.Combine(folder, "missing.yaml");
        Assert.Contains(missing, Assert.Throws<BadInputException>(() => ZooPlan.Read(missing)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_LikeAnother_TakesWhatItDoesNotSayFromThere()
    {
        File.WriteAllText(Path.Combine(folder, "zoo.yaml"), TinyZoo.Yaml);

        var plan = Read("like: zoo.yaml\nbase: { hidden_size: 32, instructions: [] }\nspecialists:\n  - { task: es, dataset: menu }\n");

        Assert.Equal((11UL, 32, 24), (plan.Seed, plan.Base.HiddenSize, plan.Base.IntermediateSize));
        Assert.Empty(plan.Base.Instructions);
        Assert.Equal((2, "es-menu"), (plan.SpecialistDefaults.Rank, Assert.Single(plan.Specialists).Name));
    }

    [Fact]
    public void Read_LikeOneThatIsLikeAnother_IsRefused()
    {
        var exception = Assert.Throws<BadInputException>(() => Read("like: plan.yaml\nseed: 3\n"));

        Assert.Contains("plan.yaml: is like plan.yaml itself", exception.Message, StringComparison.Ordinal);
    }

    private ZooPlan Read(string yaml)
    {
        var path = Path.Combine(folder, "plan.yaml");
        File.WriteAllText(path, yaml);
        return ZooPlan.Read(path);
    }
}
