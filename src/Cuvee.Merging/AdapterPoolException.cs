namespace Cuvee.Merging;

/// <summary>A pool that Cuvee refuses; the message names the folder or adapter, what is wrong and the mend.</summary>
public sealed class AdapterPoolException(string message, Exception? inner = null) : FormatException(message, inner);
