namespace Cuvee.CommandLine;

/// <summary>A command that was stopped and can go on; the message says how.</summary>
public sealed class StoppedException(string message, Exception? inner = null) : OperationCanceledException(message, inner);
