using Cuvee.Metrics;

namespace Cuvee.Objectives;

/// <summary>
/// Mean over records of each one's negative log-likelihood per answer token in nats: every record counts the same, so that several tasks in
/// one set of records are not ruled by the one with the longest answers (docs/results/README.md).
/// </summary>
public sealed class RecordCrossEntropyObjective : IObjective
{
    public string Name => "record-cross-entropy";

    public ObservationKind Observes => ObservationKind.Score;

    public bool CountsRecordsAlike => true;

    public IReadOnlyList<Ratio> Contributions(IReadOnlyList<PromptCompletion> records, IReadOnlyList<Observation> observations)
    {
        ArgumentNullException.ThrowIfNull(observations);
        return [.. observations.Select(observation => observation.Tokens == 0 // nothing scored, nothing counted
            ? default
            : new Ratio(-observation.LogProbability / observation.Tokens, 1))];
    }
}
