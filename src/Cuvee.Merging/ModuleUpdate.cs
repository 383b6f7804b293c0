using System.Buffers;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// A recipe's update of one module, prepared once by a <see cref="RecipeMerger"/> and then added to any rows of the base weight. Reused for
/// one module after the other: memory is kept. Adding is thread-safe, preparing is not.
/// </summary>
public sealed class ModuleUpdate
{
    private readonly PackedMatrix loraA = new(); // [merged rank, in]
    private PooledModule? module;
    private ModuleShares? shares;
    private bool scalesRows;
    private float[] dense = []; // [out, in] of merge methods

    /// <summary>Adds rows of the update to rows of the base's weight, each element one chain of fused multiply-adds over the rank.</summary>
    /// <param name="firstRow">Of the weight.</param>
    /// <param name="rows">[count, in]</param>
    public void AddRows(int firstRow, Span<float> rows)
    {
        if (module is null) throw new InvalidOperationException("The update is not prepared.");
        var (inFeatures, count) = (module.InFeatures, rows.Length / module.InFeatures);
        if (shares is null)
        {
            FloatVectors.Add(dense.AsSpan(firstRow * inFeatures, rows.Length), rows);
            return;
        }

        if (scalesRows) module.ScaleRows(shares, firstRow, rows);
        var rank = loraA.Rows;
        if (rank == 0) return;
        var b = ArrayPool<float>.Shared.Rent(count * rank);
        module.MergeB(shares, firstRow, b.AsSpan(0, count * rank));
        Gemm.Multiply(count, b, rank, false, loraA, rows, inFeatures, accumulate: true);
        ArrayPool<float>.Shared.Return(b);
    }

    internal void Prepare(PooledModule pooled, ModuleShares moduleShares)
    {
        (module, shares, scalesRows) = (pooled, moduleShares, pooled.ScalesRows(moduleShares));
        loraA.Reserve(pooled.MergedRank(moduleShares), pooled.InFeatures);
        pooled.MergeA(moduleShares, loraA.WriteRow);
    }

    /// <param name="form">Overwrites [out, in].</param>
    internal void Prepare(PooledModule pooled, Action<Span<float>> form)
    {
        (module, shares) = (pooled, null);
        var count = checked(pooled.OutFeatures * pooled.InFeatures);
        if (dense.Length < count) dense = new float[count];
        form(dense.AsSpan(0, count));
    }
}
