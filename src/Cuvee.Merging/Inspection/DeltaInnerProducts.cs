using System.Buffers;
using Cuvee.Numerics;

namespace Cuvee.Merging.Inspection;

/// <summary>
/// Frobenius inner products of the adapters' updates: with X_i = s_i B_i A_i, tr(X_i' X_j) = s_i s_j sum((B_i' B_j) * (A_i A_j')), entry by
/// entry over r_i x r_j.
/// </summary>
internal static class DeltaInnerProducts
{
    /// <summary>products[i][j] += the inner product over one module. The threads share the adapters; each sum runs in one order.</summary>
    public static void Accumulate(PooledModule module, double[][] products, ThreadTeam team)
    {
        var members = module.Members;
        var offsets = new int[members.Count + 1]; // first row of each member in the stacks
        for (var i = 0; i < members.Count; i++) offsets[i + 1] = offsets[i] + members[i].Module.Rank;
        var total = offsets[^1];
        var loraA = new float[checked(total * module.InFeatures)]; // [total, in]
        var loraBTransposed = new float[checked(total * module.OutFeatures)]; // [total, out]
        team.Run(members.Count, i =>
        {
            var (a, b) = (members[i].Module.LoraA, members[i].Module.LoraB);
            a.ReadRows(0, a.Rows, loraA.AsSpan(offsets[i] * module.InFeatures));
            Transposition.Copy(
                b.Rows, b.Columns, b.ToSingles(), b.Columns, loraBTransposed.AsSpan(offsets[i] * module.OutFeatures), b.Rows);
        });
        team.Run(members.Count, i =>
        {
            var own = members[i].Module;
            var columns = total - offsets[i]; // this member and all later ones
            var gramA = ArrayPool<float>.Shared.Rent(own.Rank * columns); // [rank, columns]
            var gramB = ArrayPool<float>.Shared.Rent(own.Rank * columns);
            Gram(loraA.AsSpan(offsets[i] * module.InFeatures), own.Rank, columns, module.InFeatures, gramA);
            Gram(loraBTransposed.AsSpan(offsets[i] * module.OutFeatures), own.Rank, columns, module.OutFeatures, gramB);
            for (var j = i; j < members.Count; j++)
            {
                var other = members[j].Module;
                double sum = 0;
                for (var p = 0; p < own.Rank; p++)
                {
                    var begin = (p * columns) + offsets[j] - offsets[i];
                    for (var q = begin; q < begin + other.Rank; q++) sum += (double)gramA[q] * gramB[q];
                }

                sum *= (double)own.Scaling * other.Scaling;
                var (row, column) = (members[i].Adapter, members[j].Adapter);
                products[row][column] += sum;
                if (j > i) products[column][row] += sum;
            }

            ArrayPool<float>.Shared.Return(gramA);
            ArrayPool<float>.Shared.Return(gramB);
        });
    }

    // gram [rank, columns] = first rows [rank, length] * all rows [columns, length]'
    private static void Gram(ReadOnlySpan<float> rows, int rank, int columns, int length, Span<float> gram) =>
        Gemm.Multiply(rank, columns, length, rows, length, false, rows, length, true, gram, columns, accumulate: false);
}
