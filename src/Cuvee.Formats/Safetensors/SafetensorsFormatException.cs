namespace Cuvee.Formats.Safetensors;

/// <summary>A defect of a safetensors file; the message names the file, the tensor and the mend.</summary>
public sealed class SafetensorsFormatException(SafetensorsDefect defect, string message, Exception? inner = null)
    : BadInputException(message, inner)
{
    public SafetensorsDefect Defect { get; } = defect;
}
