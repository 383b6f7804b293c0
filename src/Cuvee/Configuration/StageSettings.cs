namespace Cuvee.Configuration;

/// <param name="Evaluations">Candidates at most when no budget is given; otherwise the stage's share of the budget is this in
/// proportion.</param>
public sealed record StageSettings(StageKind Kind, int Evaluations);
