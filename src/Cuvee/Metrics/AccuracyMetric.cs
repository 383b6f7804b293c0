namespace Cuvee.Metrics;

/// <summary>1 where the answer names the expected label, compared lower-cased with white space collapsed.</summary>
public sealed class AccuracyMetric : RecordMetric
{
    public override string Name => "accuracy";

    protected override double Score(string expected, string answer) =>
        AnswerText.Normalize(expected) == AnswerText.Normalize(answer) ? 1 : 0;
}
