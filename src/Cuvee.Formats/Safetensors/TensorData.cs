namespace Cuvee.Formats.Safetensors;

/// <summary>A named fp32 tensor in memory, row-major.</summary>
public sealed record TensorData(string Name, IReadOnlyList<int> Shape, float[] Values)
{
    /// <summary>Formed by copying.</summary>
    public TensorSource ToSource() => new(
        Name, Shape, (firstRow, rows) => Values.AsMemory(Shape.Count == 0 ? 0 : firstRow * Shape[^1], rows.Length).CopyTo(rows));
}

/// <summary>A named tensor that is formed while it is written, a few rows at a time.</summary>
/// <param name="Shape">Its last dimension is a row.</param>
/// <param name="Fill">Called with rising row numbers, each row once.</param>
public sealed record TensorSource(string Name, IReadOnlyList<int> Shape, FillRows Fill);

/// <summary>Overwrites <paramref name="rows"/> [count, columns] with the rows from <paramref name="firstRow"/> on.</summary>
public delegate void FillRows(int firstRow, Memory<float> rows);
