using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// The best approximation of bounded rank in the Frobenius norm (Eckart and Young) of one module, from its factors alone. With the Gram
/// matrices G_b = LoraB' LoraB and G_a = LoraA LoraA' and G_b = R' R (Cholesky), R G_a R' has the squared singular values of the update and
/// the left singular vectors in the basis of LoraB, so that both new factors are thin products of the old ones; no update is formed. All in
/// double: singular values below 1e-7 of the largest count as zero. Thread-safe.
/// </summary>
internal static class RankReduction
{
    /// <param name="rank">At least 1; a module that needs no more comes back as it is.</param>
    /// <returns>The module with scaling 1, singular values shared evenly between its factors, the largest first.</returns>
    public static ReducedModule Cut(LoraModule module, int rank)
    {
        var (outFeatures, inFeatures, exact) = (module.OutFeatures, module.InFeatures, module.Rank);
        var factorB = Transpose(module.LoraB.ToSingles(), outFeatures, exact, module.Scaling); // LoraB' [exact, out]
        var factorA = Array.ConvertAll(module.LoraA.ToSingles(), x => (double)x); // LoraA [exact, in]
        var gramA = GramMatrix.Of(factorA, exact, inFeatures);
        var root = Cholesky(GramMatrix.Of(factorB, exact, outFeatures), exact); // R' [exact, exact]
        var rootA = Multiply(Transpose(root, exact, exact, 1), gramA, exact, exact, exact); // R G_a
        var (values, columns) = SymmetricEigen.Decompose(Multiply(rootA, root, exact, exact, exact), exact);
        var squares = new double[exact]; // singular values squared, falling
        for (var j = 0; j < exact; j++) squares[j] = Math.Max(0, values[exact - 1 - j]);
        if (exact <= rank) return new ReducedModule(module, exact, squares);

        var leading = new double[exact * rank]; // U [exact, rank]
        for (var i = 0; i < exact; i++)
            for (var j = 0; j < rank; j++) leading[(i * rank) + j] = columns[(i * exact) + exact - 1 - j];
        // LoraA = S^(-1/2) U' R A and LoraB = B G_a R' U S^(-3/2); singular values of zero give zeros.
        var vectors = Multiply(root, leading, exact, rank, exact); // R' U [exact, rank]
        var images = Multiply(gramA, vectors, exact, rank, exact); // G_a R' U [exact, rank]
        var (toA, toB) = (Transpose(vectors, exact, rank, 1), Transpose(images, exact, rank, 1));
        for (var j = 0; j < rank; j++)
        {
            var counts = squares[j] > squares[0] * 1e-14;
            DoubleVectors.Scale(counts ? Math.Pow(squares[j], -0.25) : 0, toA.AsSpan(j * exact, exact));
            DoubleVectors.Scale(counts ? Math.Pow(squares[j], -0.75) : 0, toB.AsSpan(j * exact, exact));
        }

        var loraA = Multiply(toA, factorA, rank, inFeatures, exact); // [rank, in]
        var loraB = Transpose(Multiply(toB, factorB, rank, outFeatures, exact), rank, outFeatures, 1); // [out, rank]
        var cut = new LoraModule(
            module.Name, inFeatures, outFeatures, rank, Array.ConvertAll(loraA, x => (float)x), Array.ConvertAll(loraB, x => (float)x), 1);
        return new ReducedModule(cut, exact, squares);
    }

    // Lower triangular L with L L' = gram; pivots that rounding has left of zeros give zero columns.
    private static double[] Cholesky(double[] gram, int n)
    {
        var lower = new double[n * n];
        var smallest = 0.0;
        for (var i = 0; i < n; i++) smallest = Math.Max(smallest, gram[(i * n) + i] * n * 1e-15);
        for (var j = 0; j < n; j++)
        {
            var row = lower.AsSpan(j * n, j);
            var pivot = gram[(j * n) + j] - DoubleVectors.SumOfSquares(row);
            if (pivot <= smallest) continue;
            var root = Math.Sqrt(pivot);
            lower[(j * n) + j] = root;
            for (var i = j + 1; i < n; i++)
                lower[(i * n) + j] = (gram[(i * n) + j] - DoubleVectors.Dot(lower.AsSpan(i * n, j), row)) / root;
        }

        return lower;
    }

    // [rows, columns] = x [rows, length] * y [length, columns]
    private static double[] Multiply(double[] x, double[] y, int rows, int columns, int length)
    {
        var product = new double[checked(rows * columns)];
        for (var i = 0; i < rows; i++)
        {
            var row = product.AsSpan(i * columns, columns);
            for (var k = 0; k < length; k++)
                if (x[(i * length) + k] is var factor and not 0) DoubleVectors.AddScaled(factor, y.AsSpan(k * columns, columns), row);
        }

        return product;
    }

    private static double[] Transpose(float[] source, int rows, int columns, double scale) =>
        Transpose(Array.ConvertAll(source, x => (double)x), rows, columns, scale);

    private static double[] Transpose(double[] source, int rows, int columns, double scale)
    {
        var transposed = new double[columns * rows];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) transposed[(j * rows) + i] = scale * source[(i * columns) + j];
        return transposed;
    }
}

/// <summary>A module cut at some rank, to be cut further without another decomposition.</summary>
/// <param name="Module">Its singular values fall from row to row of LoraA and column to column of LoraB; the exact one where that has no
/// more rank.</param>
/// <param name="Squares">[exact rank] squared singular values of the exact update, falling.</param>
internal sealed record ReducedModule(LoraModule Module, int ExactRank, double[] Squares)
{
    public LoraModule At(int rank)
    {
        if (rank >= Module.Rank) return Module;
        // The exact factors know no order of importance.
        if (Module.Rank == ExactRank) return RankReduction.Cut(Module, rank).Module;
        var loraA = new float[rank * Module.InFeatures];
        Module.LoraA.ReadRows(0, rank, loraA);
        var loraB = new float[Module.OutFeatures * rank];
        for (var row = 0; row < Module.OutFeatures; row++) Module.LoraB.ReadRow(row, 0, loraB.AsSpan(row * rank, rank));
        return new LoraModule(Module.Name, Module.InFeatures, Module.OutFeatures, rank, loraA, loraB, 1);
    }

    public ModuleReduction ReductionAt(int rank) => new(
        Module.Name, ExactRank, Math.Min(rank, ExactRank), Squares.Sum(), Squares.Skip(rank).Sum());
}
