using System.Buffers;
using Cuvee.Numerics;

namespace Cuvee.Merging.Inspection;

/// <summary>
/// Frobenius inner products of the adapters' updates: with X_i = s_i B_i A_i, tr(X_i' X_j) = s_i s_j sum((B_i' B_j) * (A_i A_j')), entry by
/// entry over r_i x r_j.
/// </summary>
internal static class DeltaInnerProducts
{
    private const int BlockRows = 96;

    /// <summary>
    /// products[i][j] += the inner product over one module. The threads share blocks of adapters; each sum runs in one order.
    /// </summary>
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
        // Several adapters share a product: few rows against all columns would spend their time on packing the columns.
        var blocks = Blocks(members);
        team.Run(blocks.Count, block =>
        {
            var (begin, end) = blocks[block];
            var (start, rows) = (offsets[begin], offsets[end] - offsets[begin]);
            var columns = total - start; // the block's members and all later ones
            var gramA = ArrayPool<float>.Shared.Rent(rows * columns); // [rows, columns]
            var gramB = ArrayPool<float>.Shared.Rent(rows * columns);
            Gram(loraA.AsSpan(start * module.InFeatures), rows, columns, module.InFeatures, gramA);
            Gram(loraBTransposed.AsSpan(start * module.OutFeatures), rows, columns, module.OutFeatures, gramB);
            for (var i = begin; i < end; i++)
            {
                for (var j = i; j < members.Count; j++)
                {
                    double sum = 0;
                    for (var p = offsets[i] - start; p < offsets[i + 1] - start; p++)
                    {
                        var (first, last) = ((p * columns) + offsets[j] - start, (p * columns) + offsets[j + 1] - start);
                        for (var q = first; q < last; q++) sum += (double)gramA[q] * gramB[q];
                    }

                    sum *= (double)members[i].Module.Scaling * members[j].Module.Scaling;
                    var (row, column) = (members[i].Adapter, members[j].Adapter);
                    products[row][column] += sum;
                    if (j > i) products[column][row] += sum;
                }
            }

            ArrayPool<float>.Shared.Return(gramA);
            ArrayPool<float>.Shared.Return(gramB);
        });
    }

    /// <summary>Neighbours whose ranks together reach <see cref="BlockRows"/>.</summary>
    private static List<(int Begin, int End)> Blocks(IReadOnlyList<PooledModule.Member> members)
    {
        var blocks = new List<(int Begin, int End)>();
        for (int begin = 0, end = 0, rows = 0; end < members.Count; begin = end, rows = 0)
        {
            while (end < members.Count && rows < BlockRows) rows += members[end++].Module.Rank;
            blocks.Add((begin, end));
        }

        return blocks;
    }

    // gram [count, columns] = first rows [count, length] * all rows [columns, length]'
    private static void Gram(ReadOnlySpan<float> rows, int count, int columns, int length, Span<float> gram) =>
        Gemm.Multiply(count, columns, length, rows, length, false, rows, length, true, gram, columns, accumulate: false);
}
