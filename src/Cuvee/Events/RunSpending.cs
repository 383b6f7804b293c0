namespace Cuvee.Events;

/// <param name="Evaluations">Lines of evaluations.jsonl: more than a budget counts (<see cref="Configuration.RunBudget"/>), because those
/// that find the best single adapter and measure the result are among them.</param>
/// <param name="Queries">Records scored, cache hits left out.</param>
/// <param name="Lost">Of the queries, those that were billed and brought no answer of use: a broken request, or the
/// first end of a run that was given a larger budget.</param>
/// <param name="Tokens">Prompt and answer tokens of those queries.</param>
/// <param name="Cost">Of those tokens; null where the run file names no price.</param>
public readonly record struct RunSpending(int Evaluations, long Queries, long Tokens, int Lost = 0, double? Cost = null);
