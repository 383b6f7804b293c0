using System.Buffers;
using Cuvee.Formats.Peft;
using Cuvee.Merging.Sparsification;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// One linear module over the whole pool: the adapters' factors stacked along the rank, so that a set of adapters is one matrix product.
/// LoraB is kept transposed, which makes the rows of one adapter contiguous in both stacks. Thread-safe.
/// </summary>
internal sealed class PooledModule
{
    // Ranks of one product: the scaled rows stay in the second-level cache and fill one k-block of the GEMM.
    private const int ChunkRanks = 256;

    private readonly float[] loraA; // [sum rank, in]
    private readonly float[] loraBTransposed; // [sum rank, out]
    private readonly Member[] members; // in pool order
    private readonly MagnitudeSparsifier[] sparsifiers; // [members], over each adapter's LoraA

    public PooledModule(string name, AdapterPool pool)
    {
        Name = name;
        var found = new List<(int Adapter, LoraModule Module)>();
        for (var i = 0; i < pool.Adapters.Count; i++)
        {
            foreach (var module in pool.Adapters[i].Modules)
            {
                if (module.Name == name) found.Add((i, module));
            }
        }

        (OutFeatures, InFeatures) = (found[0].Module.OutFeatures, found[0].Module.InFeatures);
        TotalRank = found.Sum(entry => entry.Module.Rank);
        loraA = new float[(long)TotalRank * InFeatures];
        loraBTransposed = new float[(long)TotalRank * OutFeatures];
        members = new Member[found.Count];
        sparsifiers = new MagnitudeSparsifier[found.Count];
        var offset = 0;
        for (var i = 0; i < members.Length; i++)
        {
            var (adapter, module) = found[i];
            members[i] = new Member(adapter, offset, module.Rank, module.Scaling);
            module.LoraA.ReadRows(0, module.Rank, loraA.AsSpan(offset * InFeatures));
            Transpose(module.LoraB.ToSingles(), OutFeatures, module.Rank, loraBTransposed.AsSpan(offset * OutFeatures));
            sparsifiers[i] = new MagnitudeSparsifier(loraA.AsMemory(offset * InFeatures, module.Rank * InFeatures));
            offset += module.Rank;
        }
    }

    public string Name { get; }

    public int OutFeatures { get; }

    public int InFeatures { get; }

    /// <summary>Sum of the ranks of all adapters that adapt this module.</summary>
    public int TotalRank { get; }

    public IReadOnlyList<Member> Members => members;

    /// <summary>[rank, in] of one member.</summary>
    public ReadOnlySpan<float> LoraA(in Member member) => loraA.AsSpan(member.RankOffset * InFeatures, member.Rank * InFeatures);

    /// <summary>[rank, out] of one member, scaling not applied.</summary>
    public ReadOnlySpan<float> LoraBTransposed(in Member member) =>
        loraBTransposed.AsSpan(member.RankOffset * OutFeatures, member.Rank * OutFeatures);

    /// <summary>Whole stacks [sum rank, in] and [sum rank, out], scaling not applied.</summary>
    public (ReadOnlyMemory<float> LoraA, ReadOnlyMemory<float> LoraBTransposed) Stacks => (loraA, loraBTransposed);

    /// <summary>weight [out, in] += the update.</summary>
    public void AddTo(ModuleShares shares, Span<float> weight)
    {
        if (shares.Space == MergeSpace.Factors) AddFactors(shares, weight);
        else AddDeltas(shares, weight);
    }

    /// <summary>Rank of the exact result in factors: the adapters' common rank; in delta: the sum of the ranks that take part.</summary>
    public int MergedRank(ModuleShares shares)
    {
        var sum = 0;
        foreach (ref readonly var member in members.AsSpan())
        {
            if (!TakesPart(shares, member)) continue;
            if (shares.Space == MergeSpace.Factors) return member.Rank;
            sum += member.Rank;
        }

        return sum;
    }

    /// <summary>
    /// The merged factors, everything folded in, at <see cref="MergedRank"/>: a [rank, in] and bTransposed [rank, out] so that the update
    /// is bTransposed' a.
    /// </summary>
    public void MergeFactors(ModuleShares shares, Span<float> a, Span<float> bTransposed)
    {
        if (shares.Space == MergeSpace.Factors) SumFactors(shares, a, bTransposed);
        else StackFactors(shares, a, bTransposed);
    }

    private void AddFactors(ModuleShares shares, Span<float> weight)
    {
        var rank = MergedRank(shares);
        if (rank == 0) return;
        var a = ArrayPool<float>.Shared.Rent(rank * InFeatures);
        var b = ArrayPool<float>.Shared.Rent(rank * OutFeatures);
        SumFactors(shares, a.AsSpan(0, rank * InFeatures), b.AsSpan(0, rank * OutFeatures));
        Gemm.Multiply(OutFeatures, InFeatures, rank, b, OutFeatures, true, a, InFeatures, false, weight, InFeatures, accumulate: true);
        ArrayPool<float>.Shared.Return(a);
        ArrayPool<float>.Shared.Return(b);
    }

    // (sum w_i Scaling_i LoraB_i) and (sum w_i S(LoraA_i, keep_i)), arXiv 2509.12951. An adapter pruned to nothing still gives its LoraB.
    private void SumFactors(ModuleShares shares, Span<float> a, Span<float> bTransposed)
    {
        a.Clear();
        bTransposed.Clear();
        for (var i = 0; i < members.Length; i++)
        {
            ref readonly var member = ref members[i];
            var weight = shares.Weight(member.Adapter);
            if (weight == 0) continue;
            var threshold = sparsifiers[i].Threshold(shares.KeepFraction(member.Adapter));
            MaskedKernels.AddScaledKept(LoraA(member), threshold, (float)weight, a);
            MaskedKernels.AddScaledKept(LoraBTransposed(member), 0, (float)(weight * member.Scaling), bTransposed);
        }
    }

    private void StackFactors(ModuleShares shares, Span<float> a, Span<float> bTransposed)
    {
        var row = 0;
        for (var i = 0; i < members.Length; i++)
        {
            ref readonly var member = ref members[i];
            if (!TakesPart(shares, member)) continue;
            var threshold = sparsifiers[i].Threshold(shares.KeepFraction(member.Adapter));
            var scale = (float)(shares.Weight(member.Adapter) * member.Scaling);
            MaskedKernels.ScaleKept(LoraA(member), threshold, 1, a[(row * InFeatures)..]);
            MaskedKernels.ScaleKept(LoraBTransposed(member), 0, scale, bTransposed[(row * OutFeatures)..]);
            row += member.Rank;
        }
    }

    private void AddDeltas(ModuleShares shares, Span<float> weight)
    {
        var first = 0;
        while (first < members.Length)
        {
            var (next, ranks) = NextChunk(shares, first);
            if (ranks > 0) AddChunk(shares, first, next, ranks, weight);
            first = next;
        }
    }

    // Members [first, next) hold at most ChunkRanks ranks that take part, or one member of a larger rank.
    private (int Next, int Ranks) NextChunk(ModuleShares shares, int first)
    {
        var ranks = 0;
        for (var i = first; i < members.Length; i++)
        {
            if (!TakesPart(shares, members[i])) continue;
            if (ranks > 0 && ranks + members[i].Rank > ChunkRanks) return (i, ranks);
            ranks += members[i].Rank;
        }

        return (members.Length, ranks);
    }

    private void AddChunk(ModuleShares shares, int first, int next, int ranks, Span<float> weight)
    {
        var pruned = false;
        var (begin, end) = (-1, 0); // rows of the stacks from the first to the last member that takes part
        for (var i = first; i < next; i++)
        {
            ref readonly var member = ref members[i];
            if (!TakesPart(shares, member)) continue;
            pruned |= shares.KeepFraction(member.Adapter) < 1;
            if (begin < 0) begin = member.RankOffset;
            end = member.RankOffset + member.Rank;
        }

        var contiguous = end - begin == ranks;
        // weight * Scaling goes into LoraA when its masked pass is due anyway, else into the side with fewer entries; the other side is
        // used where it lies.
        var scaleA = pruned || InFeatures <= OutFeatures;
        var rentedA = scaleA || !contiguous ? ArrayPool<float>.Shared.Rent(ranks * InFeatures) : null;
        var rentedB = !scaleA || !contiguous ? ArrayPool<float>.Shared.Rent(ranks * OutFeatures) : null;
        if (rentedA is not null || rentedB is not null)
        {
            var row = 0;
            for (var i = first; i < next; i++)
            {
                ref readonly var member = ref members[i];
                if (!TakesPart(shares, member)) continue;
                var scale = (float)(shares.Weight(member.Adapter) * member.Scaling);
                if (rentedA is not null)
                {
                    var threshold = sparsifiers[i].Threshold(shares.KeepFraction(member.Adapter));
                    MaskedKernels.ScaleKept(LoraA(member), threshold, scaleA ? scale : 1, rentedA.AsSpan(row * InFeatures));
                }

                if (rentedB is not null)
                {
                    MaskedKernels.ScaleKept(LoraBTransposed(member), 0, scaleA ? 1 : scale, rentedB.AsSpan(row * OutFeatures));
                }

                row += member.Rank;
            }
        }

        var a = rentedA is not null ? rentedA.AsSpan(0, ranks * InFeatures) : loraA.AsSpan(begin * InFeatures, ranks * InFeatures);
        var b = rentedB is not null
            ? rentedB.AsSpan(0, ranks * OutFeatures)
            : loraBTransposed.AsSpan(begin * OutFeatures, ranks * OutFeatures);
        Gemm.Multiply(OutFeatures, InFeatures, ranks, b, OutFeatures, true, a, InFeatures, false, weight, InFeatures, accumulate: true);
        if (rentedA is not null) ArrayPool<float>.Shared.Return(rentedA);
        if (rentedB is not null) ArrayPool<float>.Shared.Return(rentedB);
    }

    // In delta an adapter pruned to nothing adds nothing; in factors its LoraB still meets the others' LoraA.
    private static bool TakesPart(ModuleShares shares, in Member member) =>
        shares.Weight(member.Adapter) != 0 && (shares.Space == MergeSpace.Factors || shares.KeepFraction(member.Adapter) > 0);

    private static void Transpose(ReadOnlySpan<float> source, int rows, int columns, Span<float> destination)
    {
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++) destination[(j * rows) + i] = source[(i * columns) + j];
        }
    }

    /// <param name="Adapter">Position in the pool.</param>
    /// <param name="RankOffset">First row of the stacks.</param>
    /// <param name="Scaling">lora_alpha / r.</param>
    internal readonly record struct Member(int Adapter, int RankOffset, int Rank, float Scaling);
}
