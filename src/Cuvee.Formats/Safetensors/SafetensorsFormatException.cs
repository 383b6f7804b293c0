namespace Cuvee.Formats.Safetensors;

/// <summary>A defect of a safetensors file; the message names the file, the tensor and the mend.</summary>
public sealed class SafetensorsFormatException(string message) : FormatException(message);
