namespace Cuvee.Inference;

/// <summary>One sequence to score: <c>Tokens[ScoredFrom..]</c>, each given all tokens before it.</summary>
/// <param name="Id">Names the record in errors.</param>
/// <param name="Tokens">Not copied; must not change while the record is in use.</param>
/// <param name="ScoredFrom">In [1, Tokens.Length).</param>
public sealed record TokenizedRecord(string Id, int[] Tokens, int ScoredFrom)
{
    public int ScoredTokens => Tokens.Length - ScoredFrom;
}
