namespace Cuvee.Optimization;

/// <summary>A snapshot that cannot be restored: made by another optimizer or dimension, or damaged.</summary>
public sealed class SnapshotFormatException : FormatException
{
    public SnapshotFormatException(string message)
        : base(message)
    {
    }

    public SnapshotFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
