using System.Buffers;
using Cuvee.Formats.Peft;
using Cuvee.Merging.Sparsification;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// One linear module over the whole pool. The factors stay where the adapters hold them, usually mapped files; only the order of their
/// magnitudes is kept. The merged update is B A with A [merged rank, in], pruned, and B [out, merged rank], weighted and scaled: in factors
/// the two sums, in delta the adapters' own one after the other. Thread-safe.
/// </summary>
internal sealed class PooledModule
{
    private readonly Member[] members; // in pool order

    public PooledModule(string name, AdapterPool pool)
    {
        Name = name;
        var found = new List<Member>();
        for (var i = 0; i < pool.Adapters.Count; i++)
        {
            foreach (var module in pool.Adapters[i].Modules)
                if (module.Name == name) found.Add(new Member(i, module, new MagnitudeSparsifier(module.LoraA)));
        }

        members = [.. found];
        (OutFeatures, InFeatures) = (members[0].Module.OutFeatures, members[0].Module.InFeatures);
    }

    public string Name { get; }

    public int OutFeatures { get; }

    public int InFeatures { get; }

    public IReadOnlyList<Member> Members => members;

    /// <summary>Rank of the exact result in factors: the adapters' common rank; in delta: the sum of the ranks that take part.</summary>
    public int MergedRank(ModuleShares shares)
    {
        var sum = 0;
        foreach (var member in members)
        {
            if (!TakesPart(shares, member)) continue;
            if (shares.Space == MergeSpace.Factors) return member.Module.Rank;
            sum += member.Module.Rank;
        }

        return sum;
    }

    /// <summary>Row by row the merged A: calls <paramref name="take"/> with each row's number and values [in].</summary>
    public void MergeA(ModuleShares shares, TakeRow take)
    {
        if (shares.Space == MergeSpace.Factors)
        {
            // sum w_i S(LoraA_i, keep_i), arXiv 2509.12951
            var rank = MergedRank(shares);
            var sum = ArrayPool<float>.Shared.Rent(rank * InFeatures); // [rank, in]
            sum.AsSpan(0, rank * InFeatures).Clear();
            foreach (var member in members)
            {
                var weight = (float)shares.Weight(member.Adapter);
                if (weight != 0) MaskedKernels.AddScaledKept(member.Module.LoraA, 0, rank, Threshold(shares, member), weight, sum);
            }

            for (var k = 0; k < rank; k++) take(k, sum.AsSpan(k * InFeatures, InFeatures));
            ArrayPool<float>.Shared.Return(sum);
            return;
        }

        var row = ArrayPool<float>.Shared.Rent(InFeatures);
        var next = 0;
        foreach (var member in members)
        {
            if (!TakesPart(shares, member)) continue;
            var threshold = Threshold(shares, member);
            for (var own = 0; own < member.Module.Rank; own++)
            {
                MaskedKernels.Keep(member.Module.LoraA, own, threshold, row);
                take(next++, row.AsSpan(0, InFeatures));
            }
        }

        ArrayPool<float>.Shared.Return(row);
    }

    /// <summary>Rows of the merged B.</summary>
    /// <param name="b">[count, merged rank]</param>
    public void MergeB(ModuleShares shares, int firstRow, Span<float> b)
    {
        var rank = MergedRank(shares);
        var count = b.Length / rank;
        // In factors an adapter pruned to nothing still gives its LoraB: sum w_i Scaling_i LoraB_i.
        if (shares.Space == MergeSpace.Factors) b.Clear();
        var first = 0;
        foreach (var member in members)
        {
            if (!TakesPart(shares, member)) continue;
            var (loraB, scale) = (member.Module.LoraB, (float)(shares.Weight(member.Adapter) * member.Module.Scaling));
            if (shares.Space == MergeSpace.Factors)
            {
                MaskedKernels.AddScaledKept(loraB, firstRow, count, 0, scale, b);
            }
            else
            {
                MaskedKernels.ScaleRows(loraB, firstRow, count, scale, b[first..], rank);
                first += member.Module.Rank;
            }
        }
    }

    /// <summary>Whether an adapter that takes part scales the base's rows.</summary>
    public bool ScalesRows(ModuleShares shares) => members.Any(member => member.Module.RowFactors is not null && TakesPart(shares, member));

    /// <summary>Multiplies rows of the base weight by 1 + sum w_i (d_i - 1), DoRA's part of the update.</summary>
    /// <param name="rows">[count, in]</param>
    public void ScaleRows(ModuleShares shares, int firstRow, Span<float> rows)
    {
        for (var row = firstRow; rows.Length > 0; row++, rows = rows[InFeatures..])
        {
            var factor = 1.0;
            foreach (var member in members)
            {
                if (member.Module.RowFactors is { } factors && TakesPart(shares, member))
                    factor += shares.Weight(member.Adapter) * (factors[row] - 1.0);
            }

            FloatVectors.Scale((float)factor, rows[..InFeatures]);
        }
    }

    private static float Threshold(ModuleShares shares, Member member) =>
        member.Magnitudes.Threshold(shares.KeepFraction(member.Adapter));

    // In delta an adapter pruned to nothing adds nothing; in factors its LoraB still meets the others' LoraA.
    private static bool TakesPart(ModuleShares shares, Member member) =>
        shares.Weight(member.Adapter) != 0 && (shares.Space == MergeSpace.Factors || shares.KeepFraction(member.Adapter) > 0);

    /// <param name="Adapter">Position in the pool.</param>
    internal sealed record Member(int Adapter, LoraModule Module, MagnitudeSparsifier Magnitudes);

    internal delegate void TakeRow(int k, ReadOnlySpan<float> row);
}
