namespace Cuvee.Merging;

/// <summary>A recipe file that Cuvee refuses; the message names the file, the key and the mend.</summary>
public sealed class RecipeFormatException(string message, Exception? inner = null) : FormatException(message, inner);
