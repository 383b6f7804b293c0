namespace Cuvee.Metrics;

/// <summary>1 where the answer equals the expected one, white space at the ends aside; case and inner white space count.</summary>
public sealed class ExactMatchMetric : RecordMetric
{
    public override string Name => "exact-match";

    protected override double Score(string expected, string answer) =>
        expected.AsSpan().Trim().SequenceEqual(answer.AsSpan().Trim()) ? 1 : 0;
}
