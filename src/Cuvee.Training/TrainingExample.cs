namespace Cuvee.Training;

/// <summary>
/// One sequence. The loss is the mean negative log-likelihood of <c>Tokens[ScoredFrom..]</c>, each given all tokens before it.
/// </summary>
/// <param name="ScoredFrom">In [1, Tokens.Length).</param>
public sealed record TrainingExample(int[] Tokens, int ScoredFrom);
