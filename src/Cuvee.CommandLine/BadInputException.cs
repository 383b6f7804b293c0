namespace Cuvee.CommandLine;

/// <summary>Input that a command refuses where no reader did: one sentence naming the file or option, the field and the mend.</summary>
public sealed class BadInputException(string message, Exception? inner = null) : FormatException(message, inner);
