using Cuvee.Objectives;
using Cuvee.Providers;

namespace Cuvee.Planning;

/// <summary>
/// What asking about each validation record takes at most, in tokens: known from the provider's tokenizer, else estimated from the texts
/// until an answer tells. An answer of the model counts as the longest that it may give.
/// </summary>
/// <param name="lengths">One entry a record.</param>
/// <param name="maxTokens">Longest generated answer.</param>
public sealed class RecordExpenses(IReadOnlyList<RecordLength> lengths, int maxTokens)
{
    private const int BytesPerToken = 3; // few texts have shorter tokens on average, in any language
    private const int WrapTokens = 12; // what a template of the server's puts around a prompt

    private readonly RecordLength[] known = [.. lengths];

    /// <summary>For a provider that does not count tokens.</summary>
    public static RecordExpenses Estimate(IReadOnlyList<PromptCompletion> records, int maxTokens)
    {
        static int Tokens(string text) => (System.Text.Encoding.UTF8.GetByteCount(text) + BytesPerToken - 1) / BytesPerToken;
        ArgumentNullException.ThrowIfNull(records);
        return new(
            [.. records.Select(record => new RecordLength(Tokens(record.Prompt) + WrapTokens, Tokens(record.Completion) + 1))], maxTokens);
    }

    /// <summary>Of all records, each asked once.</summary>
    public Expense All(ObservationKind kind) => Of(kind, Enumerable.Range(0, known.Length));

    /// <param name="records">Positions in the validation file.</param>
    public Expense Of(ObservationKind kind, IEnumerable<int> records)
    {
        ArgumentNullException.ThrowIfNull(records);
        return Expense.Sum(records.Select(record => new Expense(
            1, known[record].Prompt, kind == ObservationKind.Score ? known[record].Completion : maxTokens)));
    }

    /// <summary>Of all records with answers as long as the expected ones: for forecasts.</summary>
    public Expense Expected => All(ObservationKind.Score);

    /// <summary>Takes over what an answer told. Called in the order of the questions, so that a resumed run knows the same.</summary>
    public void Learn(int record, ObservationKind kind, Observation observation)
    {
        ArgumentNullException.ThrowIfNull(observation);
        if (observation.PromptTokens == 0) return;
        known[record] = new RecordLength(
            observation.PromptTokens, kind == ObservationKind.Score ? observation.Tokens : known[record].Completion);
    }
}
