using System.Buffers;
using Cuvee.Formats.Peft;
using Cuvee.Merging.Sparsification;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// One linear module over the whole pool. The factors stay where the adapters hold them, usually mapped files; only the order of their
/// magnitudes is kept. The merged update is B A with A [merged rank, in] and B [out, merged rank], pruned, weighted and scaled: in factors
/// the two sums, in delta the adapters' own one after the other. Thread-safe.
/// </summary>
internal sealed class PooledModule
{
    private readonly Member[] members; // in pool order
    private readonly bool anyRowFactors;

    public PooledModule(string name, AdapterPool pool)
    {
        Name = name;
        var found = new List<Member>();
        for (var i = 0; i < pool.Adapters.Count; i++)
        {
            foreach (var module in pool.Adapters[i].Modules)
                if (module.Name == name) found.Add(new Member(i, module));
        }

        members = [.. found];
        anyRowFactors = found.Exists(member => member.Module.RowFactors is not null);
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
        foreach (ref readonly var member in members.AsSpan())
        {
            if (!TakesPart(shares, member)) continue;
            if (shares.Space == MergeSpace.Factors) return member.LoraA.Rows;
            sum += member.LoraA.Rows;
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
            for (var i = 0; i < members.Length; i++)
            {
                ref readonly var member = ref members[i];
                if (i + 1 < members.Length) members[i + 1].LoraA.Prefetch(0, Math.Min(rank, members[i + 1].LoraA.Rows));
                var weight = (float)shares.Weight(member.Adapter);
                if (weight != 0) StoredSum.AddScaledKept(member.LoraA, 0, rank, Threshold(shares, member), weight, sum);
            }

            for (var k = 0; k < rank; k++) take(k, sum.AsSpan(k * InFeatures, InFeatures));
            ArrayPool<float>.Shared.Return(sum);
            return;
        }

        var row = ArrayPool<float>.Shared.Rent(InFeatures);
        var next = 0;
        for (var i = 0; i < members.Length; i++)
        {
            ref readonly var member = ref members[i];
            if (i + 1 < members.Length) members[i + 1].LoraA.Prefetch(0, members[i + 1].LoraA.Rows);
            if (!TakesPart(shares, member)) continue;
            var threshold = Threshold(shares, member);
            for (var own = 0; own < member.LoraA.Rows; own++)
            {
                MaskedKernels.Keep(member.LoraA, own, threshold, row);
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
        for (var i = 0; i < members.Length; i++)
        {
            ref readonly var member = ref members[i];
            if (i + 1 < members.Length) members[i + 1].LoraB.Prefetch(firstRow, count);
            if (!TakesPart(shares, member)) continue;
            var (loraB, scale) = (member.LoraB, (float)(shares.Weight(member.Adapter) * member.Scaling));
            var threshold = shares.PrunesB ? member.MagnitudesB.Threshold(shares.KeepFraction(member.Adapter)) : 0;
            if (shares.Space == MergeSpace.Factors)
            {
                StoredSum.AddScaledKept(loraB, firstRow, count, threshold, scale, b);
            }
            else
            {
                MaskedKernels.ScaleRows(loraB, firstRow, count, threshold, scale, b[first..], rank);
                first += member.LoraA.Rows;
            }
        }
    }

    /// <summary>Whether an adapter that takes part scales the base's rows.</summary>
    public bool ScalesRows(ModuleShares shares) =>
        anyRowFactors && Array.Exists(members, member => member.Module.RowFactors is not null && TakesPart(shares, member));

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

    private static float Threshold(ModuleShares shares, in Member member) =>
        shares.PrunesA ? member.MagnitudesA.Threshold(shares.KeepFraction(member.Adapter)) : 0;

    // In delta an adapter pruned to nothing adds nothing; in factors its other factor still meets those of the others.
    private static bool TakesPart(ModuleShares shares, in Member member) =>
        shares.Weight(member.Adapter) != 0 && (shares.Space == MergeSpace.Factors || shares.KeepFraction(member.Adapter) > 0);

    /// <summary>What the sums read, side by side: a candidate touches every member of every module, none of them in the caches.</summary>
    /// <param name="adapter">Position in the pool.</param>
    internal readonly struct Member(int adapter, LoraModule module)
    {
        public readonly int Adapter = adapter;
        public readonly float Scaling = module.Scaling;
        public readonly StoredMatrix LoraA = module.LoraA, LoraB = module.LoraB;
        public readonly MagnitudeSparsifier MagnitudesA = new(module.LoraA), MagnitudesB = new(module.LoraB);
        public readonly LoraModule Module = module;
    }

    internal delegate void TakeRow(int k, ReadOnlySpan<float> row);
}
