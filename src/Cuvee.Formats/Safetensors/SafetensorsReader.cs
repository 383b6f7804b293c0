namespace Cuvee.Formats.Safetensors;

/// <summary>Memory-mapped safetensors file. Thread-safe after <see cref="Open"/>.</summary>
public sealed class SafetensorsReader : IDisposable
{
    private SafetensorsReader()
    {
    }

    public static SafetensorsReader Open(string path) => throw new NotImplementedException();

    public string Path => throw new NotImplementedException();

    public IReadOnlyDictionary<string, TensorEntry> Entries => throw new NotImplementedException();

    public IReadOnlyDictionary<string, string> Metadata => throw new NotImplementedException();

    /// <summary>The tensor converted to fp32; NaN or infinity is a <see cref="SafetensorsFormatException"/>.</summary>
    public float[] ReadSingles(string name) => throw new NotImplementedException();

    public void Dispose() => throw new NotImplementedException();
}

/// <summary>One header entry. <paramref name="Begin"/> and <paramref name="End"/> are byte offsets into the data buffer.</summary>
public sealed record TensorEntry(string Name, TensorType Type, IReadOnlyList<int> Shape, long Begin, long End);
