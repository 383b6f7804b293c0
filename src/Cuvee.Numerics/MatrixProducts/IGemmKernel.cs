namespace Cuvee.Numerics;

/// <summary>
/// The innermost product of one instruction set. A tile of C [rows, Columns] stays in registers while rows of A and one panel of B, packed
/// as [k, Columns] and aligned to 64 bytes, run past it. Element (i, p) of A lies at <c>a[i * row + p * step]</c>: A as the caller stores
/// it (row = its leading dimension, step = 1) or packed as [k, rows] (row = 1, step = rows). Every element is a chain of multiply-adds over
/// k in rising order that starts from C when <c>load</c>, else from zero (C is then not read).
/// </summary>
internal unsafe interface IGemmKernel
{
    static abstract int TallRows { get; }

    /// <summary>Rows of the small tile; divides nothing, wastes at most <c>LowRows - 1</c> rows of zero padding.</summary>
    static abstract int LowRows { get; }

    static abstract int Columns { get; }

    static abstract void Tall(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load);

    static abstract void Low(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load);
}
