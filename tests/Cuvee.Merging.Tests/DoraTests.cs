using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Merging.Inspection;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Merging.Tests;

/// <summary>Against W' = m (W + s B A) / ||W + s B A||, row by row, computed term by term in double.</summary>
public sealed class DoraTests
{
    private const double WeightOfDora = 0.7, WeightOfPlain = -1.3;

    private static PeftAdapter Dora { get; } = Magnified(TestAdapters.Adapter("dora", 1));

    private static PeftAdapter Plain { get; } = TestAdapters.Adapter("plain", 2, rank: 5);

    private static AdapterPool Pool => new([Dora, Plain]);

    [Fact]
    public void AddTo_DoraBesidePlain_IsTheWeightedSumOfBothUpdates()
    {
        var merger = new RecipeMerger(Pool.On(Weight));
        var recipe = new WeightedRecipe(MergeSpace.Delta,
            [new AdapterShare("dora", WeightOfDora), new AdapterShare("plain", WeightOfPlain)]);
        foreach (var (name, outFeatures, inFeatures) in TestAdapters.Shapes)
        {
            var actual = Weight(name)!.ToSingles();
            merger.AddTo(recipe, name, actual);
            var original = Weight(name)!.ToSingles();
            var adapted = Adapted(Dora.Modules.Single(module => module.Name == name), original);
            var plain = Delta(Plain.Modules.Single(module => module.Name == name));
            for (var i = 0; i < outFeatures * inFeatures; i++)
            {
                var expected = original[i] + (WeightOfDora * (adapted[i] - original[i])) + (WeightOfPlain * plain[i]);
                Assert.Equal(expected, actual[i], 1e-4);
            }
        }
    }

    [Fact]
    public void AddTo_DoraAloneAtWeightOne_HasTheMagnitudesAsRowNorms()
    {
        var merger = new RecipeMerger(new AdapterPool([Dora]).On(Weight));
        var module = Dora.Modules[0];
        var weight = Weight(module.Name)!.ToSingles();
        merger.AddTo(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("dora", 1)]), module.Name, weight);
        for (var row = 0; row < module.OutFeatures; row++)
        {
            var norm = Math.Sqrt(weight.Skip(row * module.InFeatures).Take(module.InFeatures).Sum(value => (double)value * value));
            Assert.Equal(module.Magnitude![row], norm, 1e-4);
        }
    }

    [Fact]
    public void On_MagnitudesThatAreTheBasesNorms_IsThePlainUpdateUpToNorms()
    {
        // With B = 0 the norms are the base's own: nothing changes.
        var module = Dora.Modules[0];
        var zero = module with
        {
            LoraB = StoredMatrix.Over(module.OutFeatures, module.Rank, new float[module.OutFeatures * module.Rank]),
            Magnitude = [.. Enumerable.Range(0, module.OutFeatures).Select(row => (float)Norm(Weight(module.Name)!, row))],
        };
        var merger = new RecipeMerger(new AdapterPool([Dora with { Modules = [zero] }]).On(Weight));
        var weight = Weight(module.Name)!.ToSingles();
        merger.AddTo(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("dora", 1)]), module.Name, weight);
        foreach (var (expected, actual) in Weight(module.Name)!.ToSingles().Zip(weight)) Assert.Equal(expected, actual, 1e-6);
    }

    [Fact]
    public void Validate_WithoutTheBase_NamesTheMend() => Assert.Contains("give --model", Assert.Throws<ArgumentException>(
        () => new RecipeMerger(Pool).Validate(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare("dora", 1)]))).Message);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Validate_FactorsOrMethod_IsRefusedByName(bool bound)
    {
        var merger = new RecipeMerger(bound ? Pool.On(Weight) : Pool);
        var factors = new WeightedRecipe(MergeSpace.Factors, [new AdapterShare("dora", 1)]);
        Assert.Contains("Factors space cannot combine DoRA", Assert.Throws<ArgumentException>(() => merger.Validate(factors)).Message);
        var ties = new MethodRecipe("ties", new Dictionary<string, double>(),
            [new AdapterParameters("dora"), new AdapterParameters("plain")]);
        Assert.Contains("Method ties cannot combine DoRA", Assert.Throws<ArgumentException>(() => merger.Validate(ties)).Message);
        merger.Validate(ties with { Adapters = [new AdapterParameters("plain")] });
    }

    [Fact]
    public void Build_DoraTakesPart_NamesTheFoldedCheckpoint()
    {
        var builder = new MergedAdapterBuilder(new RecipeMerger(Pool.On(Weight)));
        MergedAdapter Build(string name) => builder.Build(new WeightedRecipe(MergeSpace.Delta, [new AdapterShare(name, 1)]), "merged");
        Assert.Contains("folded", Assert.Throws<ArgumentException>(() => Build("dora")).Message, StringComparison.Ordinal);
        Assert.Equal(5, Build("plain").Adapter.Config.Rank);
    }

    [Fact]
    public void On_BaseThatDoesNotFit_NamesAdapterAndModule()
    {
        void Refuse(string named, Func<string, StoredMatrix?> weight) =>
            Assert.Contains(named, Assert.Throws<BadInputException>(() => Pool.On(weight)).Message, StringComparison.Ordinal);
        Refuse("'dora' adapts module", _ => null);
        Refuse("which is [1, 1] in the base", _ => StoredMatrix.Over(1, 1, [1]));
    }

    [Fact]
    public void Inspect_Dora_IsNamed() =>
        Assert.Contains(PoolInspection.Inspect(Pool).Problems, problem => problem.Contains("'dora' is DoRA", StringComparison.Ordinal));

    private static PeftAdapter Magnified(PeftAdapter adapter) => adapter with
    {
        Modules = [.. adapter.Modules.Select(module => module with
        {
            Magnitude = [.. Enumerable.Range(0, module.OutFeatures).Select(row => 1 + (row % 5 * 0.4f))],
        })],
    };

    private static StoredMatrix? Weight(string name)
    {
        var (_, outFeatures, inFeatures) = TestAdapters.Shapes.Single(shape => shape.Name == name);
        var random = new SeededRandom((ulong)name.Length);
        return StoredMatrix.Over(
            outFeatures, inFeatures, [.. Enumerable.Range(0, outFeatures * inFeatures).Select(_ => (float)random.NextGaussian())]);
    }

    private static double[] Delta(LoraModule module)
    {
        var (a, b) = (module.LoraA.ToSingles(), module.LoraB.ToSingles());
        var delta = new double[module.OutFeatures * module.InFeatures];
        for (var row = 0; row < module.OutFeatures; row++)
        {
            for (var column = 0; column < module.InFeatures; column++)
            {
                for (var k = 0; k < module.Rank; k++)
                {
                    delta[(row * module.InFeatures) + column] +=
                        (double)module.Scaling * b[(row * module.Rank) + k] * a[(k * module.InFeatures) + column];
                }
            }
        }

        return delta;
    }

    private static double[] Adapted(LoraModule module, float[] weight)
    {
        var direction = Delta(module).Select((delta, i) => weight[i] + delta).ToArray();
        for (var row = 0; row < module.OutFeatures; row++)
        {
            var own = direction.AsSpan(row * module.InFeatures, module.InFeatures);
            var norm = Math.Sqrt(own.ToArray().Sum(value => value * value));
            foreach (ref var value in own) value *= module.Magnitude![row] / norm;
        }

        return direction;
    }

    private static double Norm(StoredMatrix matrix, int row)
    {
        var values = new float[matrix.Columns];
        matrix.ReadRow(row, values);
        return Math.Sqrt(values.Sum(value => (double)value * value));
    }
}
