namespace Cuvee.Data;

/// <summary>A file of records cannot be used; one sentence naming file, line, field and mend.</summary>
public sealed class RecordFileException(string message, Exception? inner = null) : FormatException(message, inner);
