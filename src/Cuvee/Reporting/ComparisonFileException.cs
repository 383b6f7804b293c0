namespace Cuvee.Reporting;

/// <summary>A run's table that cannot be read or compared; the message names the file or runs, the field and the mend.</summary>
public sealed class ComparisonFileException(string message, Exception? inner = null) : FormatException(message, inner);
