using System.Globalization;

namespace Cuvee.Metrics;

/// <summary>The score, in [0, 1], that a program of the user's gives each record (provider <c>command</c>).</summary>
public sealed class CommandMetric : RecordMetric
{
    public const string MetricName = "command";

    public override string Name => MetricName;

    /// <exception cref="LanguageModelException">The answer is no score.</exception>
    protected override double Score(string expected, string answer) =>
        double.TryParse(answer, NumberStyles.Float, CultureInfo.InvariantCulture, out var score) && score is >= 0 and <= 1
            ? score
            : throw new LanguageModelException(
                $"The answer \"{answer}\" is no score from 0 to 1, which objective and metric 'command' need; let the program write " +
                "numbers, or choose a metric of answers such as exact-match.");
}
