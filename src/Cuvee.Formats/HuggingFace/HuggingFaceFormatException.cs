namespace Cuvee.Formats.HuggingFace;

/// <summary>A model folder that Cuvee refuses; the message names the file, the field and the mend.</summary>
public sealed class HuggingFaceFormatException(string message, Exception? inner = null) : FormatException(message, inner);
