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
    private const int StackElements = 1 << 27; // of one factor; two stacks are held at a time

    /// <summary>
    /// products[i][j] += the inner product over one module. The threads share blocks of adapters; each sum runs in one order.
    /// </summary>
    /// <param name="stackElements">How much of a factor is looked at together: adapters beyond it are compared stack by stack.</param>
    public static void Accumulate(PooledModule module, double[][] products, ThreadTeam team, int stackElements = StackElements)
    {
        var parts = Parts(module.Members, stackElements / Math.Max(module.InFeatures, module.OutFeatures));
        for (var i = 0; i < parts.Count; i++)
        {
            var stack = new Stack(module, parts[i], team);
            Multiply(stack, stack, products, team);
            for (var j = i + 1; j < parts.Count; j++) Multiply(stack, new Stack(module, parts[j], team), products, team);
        }
    }

    // Several adapters share a product: few rows against all columns would spend their time on packing the columns.
    private static void Multiply(Stack left, Stack right, double[][] products, ThreadTeam team)
    {
        var blocks = Parts(left.Members, BlockRows);
        var begins = new int[blocks.Count]; // the first member of each block
        for (var block = 1; block < begins.Length; block++) begins[block] = begins[block - 1] + blocks[block - 1].Count;
        team.Run(blocks.Count, block =>
        {
            var (begin, end) = (begins[block], begins[block] + blocks[block].Count);
            var (start, rows) = (left.Offsets[begin], left.Offsets[end] - left.Offsets[begin]);
            var firstMember = left == right ? begin : 0; // of one stack the block's members and all later ones
            var firstColumn = right.Offsets[firstMember];
            var columns = right.Rows - firstColumn;
            var gramA = ArrayPool<float>.Shared.Rent(rows * columns); // [rows, columns]
            var gramB = ArrayPool<float>.Shared.Rent(rows * columns);
            Gram(left.A(start), right.A(firstColumn), rows, columns, gramA);
            Gram(left.B(start), right.B(firstColumn), rows, columns, gramB);
            for (var i = begin; i < end; i++)
            {
                for (var j = left == right ? i : 0; j < right.Members.Count; j++)
                {
                    double sum = 0;
                    for (var p = left.Offsets[i] - start; p < left.Offsets[i + 1] - start; p++)
                    {
                        var (first, last) = (
                            (p * columns) + right.Offsets[j] - firstColumn, (p * columns) + right.Offsets[j + 1] - firstColumn);
                        for (var q = first; q < last; q++) sum += (double)gramA[q] * gramB[q];
                    }

                    sum *= (double)left.Members[i].Module.Scaling * right.Members[j].Module.Scaling;
                    var (row, column) = (left.Members[i].Adapter, right.Members[j].Adapter);
                    products[row][column] += sum;
                    if (row != column) products[column][row] += sum;
                }
            }

            ArrayPool<float>.Shared.Return(gramA);
            ArrayPool<float>.Shared.Return(gramB);
        });
    }

    /// <summary>Neighbours whose ranks together reach <paramref name="rows"/>.</summary>
    private static List<IReadOnlyList<PooledModule.Member>> Parts(IReadOnlyList<PooledModule.Member> members, int rows)
    {
        var parts = new List<IReadOnlyList<PooledModule.Member>>();
        for (int begin = 0, end = 0, sum = 0; end < members.Count; begin = end, sum = 0)
        {
            do sum += members[end++].Module.Rank;
            while (end < members.Count && sum < rows);
            parts.Add([.. members.Skip(begin).Take(end - begin)]);
        }

        return parts;
    }

    // gram [count, columns] = first rows [count, length] * second rows [columns, length]'
    private static void Gram((ReadOnlyMemory<float> Rows, int Length) left, (ReadOnlyMemory<float> Rows, int Length) right, int count,
        int columns, Span<float> gram) => Gemm.Multiply(
            count, columns, left.Length, left.Rows.Span, left.Length, false, right.Rows.Span, left.Length, true, gram, columns,
            accumulate: false);

    /// <summary>Factors of several adapters, one below the other.</summary>
    private sealed class Stack
    {
        private readonly float[] loraA; // [rows, in]
        private readonly float[] loraBTransposed; // [rows, out]
        private readonly int inFeatures;
        private readonly int outFeatures;

        public Stack(PooledModule module, IReadOnlyList<PooledModule.Member> members, ThreadTeam team)
        {
            (Members, inFeatures, outFeatures) = (members, module.InFeatures, module.OutFeatures);
            Offsets = new int[members.Count + 1];
            for (var i = 0; i < members.Count; i++) Offsets[i + 1] = Offsets[i] + members[i].Module.Rank;
            loraA = new float[checked(Rows * inFeatures)];
            loraBTransposed = new float[checked(Rows * outFeatures)];
            team.Run(members.Count, i =>
            {
                var (a, b) = (members[i].Module.LoraA, members[i].Module.LoraB);
                a.ReadRows(0, a.Rows, loraA.AsSpan(Offsets[i] * inFeatures));
                Transposition.Copy(
                    b.Rows, b.Columns, b.ToSingles(), b.Columns, loraBTransposed.AsSpan(Offsets[i] * outFeatures), b.Rows);
            });
        }

        public IReadOnlyList<PooledModule.Member> Members { get; }

        /// <summary>First row of each member, and the number of rows.</summary>
        public int[] Offsets { get; }

        public int Rows => Offsets[^1];

        public (ReadOnlyMemory<float> Rows, int Length) A(int row) => (loraA.AsMemory(row * inFeatures), inFeatures);

        public (ReadOnlyMemory<float> Rows, int Length) B(int row) => (loraBTransposed.AsMemory(row * outFeatures), outFeatures);
    }
}
