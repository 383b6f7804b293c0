namespace Cuvee.Inference;

/// <param name="Id">Names the prompt in errors.</param>
/// <param name="Tokens">Not empty. Not copied; must not change while the prompt is in use.</param>
public sealed record TokenizedPrompt(string Id, int[] Tokens);
