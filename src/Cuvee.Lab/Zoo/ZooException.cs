namespace Cuvee.Lab.Zoo;

/// <summary>A zoo that cannot be built; one sentence for people.</summary>
public sealed class ZooException(string message, Exception? inner = null) : FormatException(message, inner);
