namespace Cuvee.Lab.Data;

/// <summary>One question about one record.</summary>
/// <param name="Given">The extra line of the prompt, such as "Entities: a; b"; null where the task gives nothing.</param>
/// <param name="Items">The answer; none means the answer "none".</param>
/// <param name="Spans">The parts that come from the text, in the given line or in the answer; none may contain the separator ";".</param>
public sealed record TaskQuestion(string? Given, IReadOnlyList<string> Items, IReadOnlyList<string> Spans);
