namespace Cuvee.Journaling;

/// <summary>A journal that cannot be continued; the message names the file, the line and the mend.</summary>
public sealed class JournalException(string message, Exception? inner = null) : FormatException(message, inner);
