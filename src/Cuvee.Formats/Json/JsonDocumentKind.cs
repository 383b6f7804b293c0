namespace Cuvee.Formats.Json;

/// <summary>What one kind of JSON document may take, and what its errors advise.</summary>
/// <param name="Name">With its article, such as "a recipe".</param>
/// <param name="MaxBytes">Larger files are refused before they are read.</param>
/// <param name="MaxDepth">Brackets inside brackets, at most.</param>
/// <param name="Mend">What to do about a broken field: "correct it".</param>
public sealed record JsonDocumentKind(string Name, long MaxBytes, int MaxDepth, string Mend);
