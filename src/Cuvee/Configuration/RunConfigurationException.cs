namespace Cuvee.Configuration;

/// <summary>A run that Cuvee refuses before any query; the message names the file, the line or field, and the mend.</summary>
public sealed class RunConfigurationException(string message, Exception? inner = null) : FormatException(message, inner);
