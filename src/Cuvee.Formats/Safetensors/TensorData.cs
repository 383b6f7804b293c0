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
public sealed record TensorSource(string Name, IReadOnlyList<int> Shape, FillRows Fill)
{
    /// <summary>Null: values of the file's type. Otherwise the tensor's bytes as they are, and <see cref="Fill"/> is not called.</summary>
    public StoredBytes? Stored { get; init; }

    /// <param name="file">The file's type.</param>
    internal TensorType TypeIn(TensorType file) => Stored?.Type ?? file;
}

/// <param name="CopyTo">Writes all of them.</param>
public sealed record StoredBytes(TensorType Type, Action<Stream> CopyTo);

/// <summary>Overwrites <paramref name="rows"/> [count, columns] with the rows from <paramref name="firstRow"/> on.</summary>
public delegate void FillRows(int firstRow, Memory<float> rows);
