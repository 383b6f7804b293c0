using Cuvee.Formats.Peft;

namespace Cuvee.Merging.Tests;

/// <summary>
/// The formulas of arXiv 2509.12951 in double, entry by entry, with the sparsification by full sort: the oracle of the fp32 path.
/// </summary>
internal static class ReferenceMerge
{
    /// <summary>[out, in]</summary>
    public static double[] Update(AdapterPool pool, WeightedRecipe recipe, string moduleName)
    {
        var shares = recipe.Adapters.Select(share => (share, adapter: pool.Adapters.Single(adapter => adapter.Name == share.Name)))
            .Select(pair => (pair.share, module: pair.adapter.Modules.SingleOrDefault(module => module.Name == moduleName)))
            .Where(pair => pair.module is not null).Select(pair => (pair.share, module: pair.module!)).ToList();
        if (shares.Count == 0) throw new InvalidOperationException($"no adapter with {moduleName}");
        var (outFeatures, inFeatures) = (shares[0].module.OutFeatures, shares[0].module.InFeatures);
        var update = new double[outFeatures * inFeatures];
        if (recipe.Space == MergeSpace.Delta)
        {
            foreach (var (share, module) in shares)
            {
                var a = FactorA(recipe, share, module);
                var b = FactorB(recipe, share, module).Select(x => share.Weight * module.Scaling * x).ToArray();
                AddProduct(b, a, outFeatures, module.Rank, inFeatures, update);
            }
        }
        else
        {
            var rank = shares[0].module.Rank;
            var a = new double[rank * inFeatures];
            var b = new double[outFeatures * rank];
            foreach (var (share, module) in shares)
            {
                var sparse = FactorA(recipe, share, module);
                var loraB = FactorB(recipe, share, module);
                for (var i = 0; i < a.Length; i++) a[i] += share.Weight * sparse[i];
                for (var i = 0; i < b.Length; i++) b[i] += share.Weight * module.Scaling * loraB[i];
            }

            AddProduct(b, a, outFeatures, rank, inFeatures, update);
        }

        return update;
    }

    private static double[] FactorA(WeightedRecipe recipe, AdapterShare share, LoraModule module) =>
        Sparsify(module.LoraA.ToSingles(), recipe.Pruned == PrunedFactor.LoraB ? 1 : share.KeepFraction);

    private static double[] FactorB(WeightedRecipe recipe, AdapterShare share, LoraModule module) =>
        Sparsify(module.LoraB.ToSingles(), recipe.Pruned == PrunedFactor.LoraA ? 1 : share.KeepFraction);

    /// <summary>Keeps every entry that fewer than round(keep * n) entries exceed in magnitude (at least one when keep &gt; 0).</summary>
    public static double[] Sparsify(float[] values, double keepFraction)
    {
        if (keepFraction == 0) return new double[values.Length];
        var kept = Math.Max(1, (int)Math.Round(keepFraction * values.Length, MidpointRounding.ToEven));
        var threshold = values.Select(Math.Abs).OrderDescending().ElementAt(kept - 1);
        return [.. values.Select(x => Math.Abs(x) >= threshold ? (double)x : 0)];
    }

    public static void AddProduct(double[] b, double[] a, int outFeatures, int rank, int inFeatures, double[] update)
    {
        for (var i = 0; i < outFeatures; i++)
        {
            for (var j = 0; j < inFeatures; j++)
            {
                for (var k = 0; k < rank; k++) update[(i * inFeatures) + j] += b[(i * rank) + k] * a[(k * inFeatures) + j];
            }
        }
    }

    /// <summary>The update of an adapter as PEFT applies it, in double.</summary>
    public static double[] Update(LoraModule module)
    {
        var update = new double[module.OutFeatures * module.InFeatures];
        AddProduct(
            [.. module.LoraB.ToSingles().Select(x => (double)x * module.Scaling)], [.. module.LoraA.ToSingles().Select(x => (double)x)],
            module.OutFeatures, module.Rank, module.InFeatures, update);
        return update;
    }

    /// <summary>Largest difference relative to the largest magnitude of the reference.</summary>
    public static double RelativeError(ReadOnlySpan<float> actual, double[] expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = 0, largest = 1e-30;
        for (var i = 0; i < expected.Length; i++)
        {
            error = Math.Max(error, Math.Abs(actual[i] - expected[i]));
            largest = Math.Max(largest, Math.Abs(expected[i]));
        }

        return error / largest;
    }
}
