using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>
/// The best approximations of bounded rank in the Frobenius norm (Eckart and Young) of one module, from its factors alone. With the Gram
/// matrices G_b = LoraB' LoraB and G_a = LoraA LoraA' and G_b = R' R (Cholesky), R G_a R' has the squared singular values of the update and the
/// left singular vectors in the basis of LoraB, so that both new factors are thin products of the old ones; no update is formed. All in double:
/// singular values below 1e-7 of the largest count as zero. Decomposed once, cut at any rank. Thread-safe.
/// </summary>
internal sealed class RankReduction
{
    private readonly LoraModule module;
    private readonly double[] factorB; // LoraB' [exact, out], scaling applied
    private readonly double[] factorA; // LoraA [exact, in]
    private readonly double[] vectors; // R' U [exact, exact], columns by falling singular value
    private readonly double[] images; // G_a R' U [exact, exact]
    private readonly double[] squares; // [exact] squared singular values, falling

    public RankReduction(LoraModule module)
    {
        this.module = module;
        var (outFeatures, inFeatures, exact) = (module.OutFeatures, module.InFeatures, module.Rank);
        factorB = Transpose(module.LoraB.ToSingles(), outFeatures, exact, module.Scaling);
        factorA = Array.ConvertAll(module.LoraA.ToSingles(), x => (double)x);
        var gramA = GramMatrix.Of(factorA, exact, inFeatures);
        var root = Cholesky(GramMatrix.Of(factorB, exact, outFeatures), exact); // L = R' [exact, exact], lower
        var rootA = Multiply(Transpose(root, exact), gramA, exact, exact, exact); // R G_a
        var (values, columns) = SymmetricEigen.Decompose(Multiply(rootA, root, exact, exact, exact), exact);
        var falling = new double[exact * exact];
        squares = new double[exact];
        for (var j = 0; j < exact; j++)
        {
            squares[j] = Math.Max(0, values[exact - 1 - j]);
            for (var i = 0; i < exact; i++) falling[(i * exact) + j] = columns[(i * exact) + exact - 1 - j];
        }

        vectors = Multiply(root, falling, exact, exact, exact);
        images = Multiply(gramA, vectors, exact, exact, exact);
    }

    /// <param name="rank">At least 1; a module that needs no more comes back as it is.</param>
    /// <returns>The module with scaling 1, singular values shared evenly between its factors, and what was left out.</returns>
    public (LoraModule Module, ModuleReduction Reduction) Cut(int rank)
    {
        var (outFeatures, inFeatures, exact) = (module.OutFeatures, module.InFeatures, module.Rank);
        var energy = squares.Sum();
        if (exact <= rank) return (module, new ModuleReduction(module.Name, exact, exact, energy, 0));
        // LoraA = S^(-1/2) U' R A and LoraB = B G_a R' U S^(-3/2); singular values of zero give zeros.
        var (toA, toB) = (new double[rank * exact], new double[rank * exact]);
        for (var j = 0; j < rank; j++)
        {
            var singular = Math.Sqrt(squares[j]);
            if (squares[j] <= squares[0] * 1e-14) continue;
            for (var i = 0; i < exact; i++)
            {
                toA[(j * exact) + i] = vectors[(i * exact) + j] / Math.Sqrt(singular);
                toB[(j * exact) + i] = images[(i * exact) + j] / (singular * Math.Sqrt(singular));
            }
        }

        var loraA = Multiply(toA, factorA, rank, inFeatures, exact); // [rank, in]
        var loraB = Multiply(toB, factorB, rank, outFeatures, exact); // [rank, out]
        var reduced = new LoraModule(
            module.Name, inFeatures, outFeatures, rank, Array.ConvertAll(loraA, x => (float)x),
            Array.ConvertAll(Transpose(loraB, rank, outFeatures), x => (float)x), 1);
        return (reduced, new ModuleReduction(module.Name, exact, rank, energy, squares.Skip(rank).Sum()));
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

    private static double[] Transpose(ReadOnlySpan<float> source, int rows, int columns, double scale)
    {
        var transposed = new double[columns * rows];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) transposed[(j * rows) + i] = scale * source[(i * columns) + j];
        return transposed;
    }

    private static double[] Transpose(double[] source, int rows, int columns)
    {
        var transposed = new double[columns * rows];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++) transposed[(j * rows) + i] = source[(i * columns) + j];
        return transposed;
    }

    private static double[] Transpose(double[] square, int n) => Transpose(square, n, n);
}
