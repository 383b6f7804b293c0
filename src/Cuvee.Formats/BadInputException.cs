namespace Cuvee.Formats;

/// <summary>
/// Input that Cuvee refuses: a file, folder or option that is missing, broken, unsupported or too large. The message is one sentence that
/// names the file, the field and the mend. Commands show it and end with the exit code of bad input.
/// </summary>
public class BadInputException(string message, Exception? inner = null) : FormatException(message, inner);
