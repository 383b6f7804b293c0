using System.Buffers;
using System.Numerics;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Inspection;

/// <summary>
/// Counts, for every pair of adapters, the entries in which both updates are non-zero and those of opposite sign, on bit sets of signs.
/// </summary>
internal sealed class SignConflictCounter(int adapters)
{
    private readonly long[] both = new long[(long)adapters * adapters];
    private readonly long[] opposed = new long[(long)adapters * adapters];

    public long CountedEntries { get; private set; }

    public long TotalEntries { get; private set; }

    /// <summary>
    /// Takes <paramref name="rowLimit"/> evenly spaced rows of the module, or all of them; the threads share the adapters.
    /// </summary>
    public void Accumulate(PooledModule module, int rowLimit, ThreadTeam team)
    {
        var rows = Math.Min(rowLimit, module.OutFeatures);
        var entries = rows * module.InFeatures;
        CountedEntries += entries;
        TotalEntries += (long)module.OutFeatures * module.InFeatures;
        var words = (entries + 63) / 64;
        var members = module.Members;
        var positive = new ulong[members.Count][]; // [members][words], bit = entry
        var negative = new ulong[members.Count][];
        team.Run(members.Count, i =>
        {
            var delta = ArrayPool<float>.Shared.Rent(entries); // [rows, in]
            DeltaRows(members[i].Module, rows, delta);
            (positive[i], negative[i]) = (new ulong[words], new ulong[words]);
            for (var e = 0; e < entries; e++)
            {
                if (delta[e] > 0) positive[i][e >> 6] |= 1UL << (e & 63);
                else if (delta[e] < 0) negative[i][e >> 6] |= 1UL << (e & 63);
            }

            ArrayPool<float>.Shared.Return(delta);
        });
        team.Run(members.Count, i =>
        {
            for (var j = i + 1; j < members.Count; j++)
            {
                long disagree = 0, agree = 0;
                for (var w = 0; w < words; w++)
                {
                    disagree += BitOperations.PopCount((positive[i][w] & negative[j][w]) | (negative[i][w] & positive[j][w]));
                    agree += BitOperations.PopCount((positive[i][w] & positive[j][w]) | (negative[i][w] & negative[j][w]));
                }

                var pair = (members[i].Adapter * adapters) + members[j].Adapter;
                both[pair] += disagree + agree;
                opposed[pair] += disagree;
            }
        });
    }

    /// <summary>[adapters][adapters]; 0 on the diagonal and where no entry is changed by both.</summary>
    public double[][] Shares() =>
        [.. Enumerable.Range(0, adapters).Select(i => Enumerable.Range(0, adapters).Select(j =>
        {
            var pair = (Math.Min(i, j) * adapters) + Math.Max(i, j);
            return both[pair] > 0 ? (double)opposed[pair] / both[pair] : 0;
        }).ToArray())];

    // Row k of the sample is row (k + 1/2) * out / rows of the module; with rows = out that is every row once.
    private static void DeltaRows(LoraModule module, int rows, Span<float> delta)
    {
        var picked = ArrayPool<float>.Shared.Rent(rows * module.Rank); // [rows, rank]
        for (var k = 0; k < rows; k++)
            module.LoraB.ReadRow((int)(((2L * k) + 1) * module.OutFeatures / (2L * rows)), picked.AsSpan(k * module.Rank, module.Rank));
        FloatVectors.Scale(module.Scaling, picked.AsSpan(0, rows * module.Rank));
        Gemm.Multiply(
            rows, module.InFeatures, module.Rank, picked, module.Rank, false, module.LoraA.ToSingles(), module.InFeatures, false,
            delta, module.InFeatures, accumulate: false);
        ArrayPool<float>.Shared.Return(picked);
    }
}
