using System.Buffers;
using Cuvee.Numerics;

namespace Cuvee.Merging.Inspection;

/// <summary>
/// Frobenius inner products of the adapters' updates: with X_i = s_i B_i A_i, tr(X_i' X_j) = s_i s_j sum((B_i' B_j) * (A_i A_j')), entry by
/// entry over r_i x r_j.
/// </summary>
internal static class DeltaInnerProducts
{
    /// <summary>products[i][j] += the inner product over one module. Rows are spread over threads; each sum runs in one order.</summary>
    public static void Accumulate(PooledModule module, double[][] products)
    {
        var members = module.Members;
        var (loraA, loraBTransposed) = module.Stacks;
        Parallel.For(0, members.Count, i =>
        {
            var own = members[i];
            var columns = module.TotalRank - own.RankOffset; // this member and all later ones
            var gramA = ArrayPool<float>.Shared.Rent(own.Rank * columns); // [rank, columns]
            var gramB = ArrayPool<float>.Shared.Rent(own.Rank * columns);
            var fromA = loraA.Span[(own.RankOffset * module.InFeatures)..]; // [columns, in]
            var fromB = loraBTransposed.Span[(own.RankOffset * module.OutFeatures)..]; // [columns, out]
            Gram(module.LoraA(own), fromA, own.Rank, columns, module.InFeatures, gramA);
            Gram(module.LoraBTransposed(own), fromB, own.Rank, columns, module.OutFeatures, gramB);
            for (var j = i; j < members.Count; j++)
            {
                var other = members[j];
                double sum = 0;
                for (var p = 0; p < own.Rank; p++)
                {
                    var begin = (p * columns) + other.RankOffset - own.RankOffset;
                    for (var q = begin; q < begin + other.Rank; q++) sum += (double)gramA[q] * gramB[q];
                }

                sum *= (double)own.Scaling * other.Scaling;
                products[own.Adapter][other.Adapter] += sum;
                if (j > i) products[other.Adapter][own.Adapter] += sum;
            }

            ArrayPool<float>.Shared.Return(gramA);
            ArrayPool<float>.Shared.Return(gramB);
        });
    }

    // gram [rank, columns] = own [rank, length] * others [columns, length]'
    private static void Gram(ReadOnlySpan<float> own, ReadOnlySpan<float> others, int rank, int columns, int length, Span<float> gram) =>
        Gemm.Multiply(rank, columns, length, own, length, false, others, length, true, gram, columns, accumulate: false);
}
