namespace Cuvee.Inference.Tokenization;

/// <summary>
/// A <c>tokenizer.json</c> that is broken or asks for something unsupported; the message is one sentence naming file, field and mend.
/// </summary>
public sealed class TokenizerFormatException(string message, Exception? inner = null) : FormatException(message, inner);
