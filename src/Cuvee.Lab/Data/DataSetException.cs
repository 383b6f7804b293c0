namespace Cuvee.Lab.Data;

/// <summary>
/// A data set cannot be read or does not hold what was asked for; one sentence naming the file or folder, the field and the mend.
/// </summary>
public sealed class DataSetException(string message, Exception? inner = null) : FormatException(message, inner);
