namespace Cuvee.Formats.Peft;

/// <summary>An adapter that Cuvee refuses; the message names the file, the field and the mend.</summary>
public sealed class PeftFormatException(string message, Exception? inner = null) : FormatException(message, inner);
