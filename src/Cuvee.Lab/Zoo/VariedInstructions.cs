using System.Runtime.InteropServices;
using Cuvee.Formats;
using Cuvee.Lab.Data;
using Cuvee.LanguageModels;
using Cuvee.Numerics;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// Labelled records for the base model, put so that only the list of options tells what is wanted: labels go by other words, some are not
/// asked for, some that the data set does not annotate are, and the order is any. Whoever answers them has learned to read the list, which
/// is all that a base model can bring to a data set it has never seen. Copy 0 is the record as every other data set is put.
/// </summary>
/// <param name="words">Other words for a label; what may stand beside a data set's labels are those of the others.</param>
internal sealed class VariedInstructions(IReadOnlyDictionary<string, List<string>> words, ulong seed)
{
    private const double Renamed = 0.6, Dropping = 0.4, Dropped = 0.4, Shuffled = 0.7;
    private const int MostDistractors = 4;

    /// <param name="task">No event task: a role's event type need not be among the options.</param>
    /// <param name="limit">A copy takes no further record once it has this many instructions.</param>
    /// <param name="copies">At least 1.</param>
    /// <exception cref="BadInputException">Further copies of an event task.</exception>
    public IEnumerable<PromptCompletion> Records(DataSet dataSet, LabTask task, int? limit, int copies)
    {
        if (copies > 1 && task is LabTask.Ee or LabTask.Eet or LabTask.Eea)
        {
            throw new BadInputException(
                $"{dataSet.Name}: events cannot be put in varied words; give the base no event task or instruction_copies: 1.");
        }

        var plain = TaskBuilder.Build(dataSet, task, Split.Train, limit).Records;
        foreach (var record in plain) yield return record;
        var format = TaskFormat.Of(task);
        var options = format.Options(dataSet.Labelled);
        if (options.Count == 0) yield break;
        var own = options.Concat(options.SelectMany(WordsFor)).ToHashSet(StringComparer.Ordinal);
        string[] distractors = [.. words.Where(pair => !own.Contains(pair.Key)).SelectMany(pair => pair.Value.Prepend(pair.Key))
            .Where(word => !own.Contains(word)).Distinct().Order(StringComparer.Ordinal)];
        for (var copy = 1; copy < copies; copy++)
        {
            var random = SeededRandom.Derive(seed, $"varied-{task}-{dataSet.Name}-{copy}");
            var taken = 0;
            foreach (var record in dataSet.Records(Split.Train))
            {
                if (taken >= limit) break;
                foreach (var varied in Vary(format, record, options, distractors, random))
                {
                    yield return varied with { Id = $"{dataSet.Name}-varied-{copy}-{taken}" };
                    taken++;
                }
            }
        }
    }

    private IEnumerable<PromptCompletion> Vary(
        TaskFormat format, DataRecord record, IReadOnlyList<string> options, string[] distractors, SeededRandom random)
    {
        var drops = random.NextDouble() < Dropping;
        var asked = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in options)
        {
            var isAnswer = record.Label is { } label && TaskFormat.Label(label) == option;
            if (drops && random.NextDouble() < Dropped && !isAnswer) continue;
            var others = WordsFor(option);
            var word = others.Count > 0 && random.NextDouble() < Renamed ? others[random.NextInt32(others.Count)] : option;
            // One word for two options would ask for both and answer with one.
            asked.Add(option, asked.ContainsValue(word) || options.Contains(word) ? option : word);
        }

        if (asked.Count == 0) yield break;
        var shown = asked.Values.ToList();
        for (var i = random.NextInt32(MostDistractors + 1); i > 0 && distractors.Length > 0; i--)
        {
            var word = distractors[random.NextInt32(distractors.Length)];
            if (!shown.Contains(word)) shown.Add(word);
        }

        if (random.NextDouble() < Shuffled) random.Shuffle(CollectionsMarshal.AsSpan(shown));
        else shown.Sort(StringComparer.Ordinal);
        var renamed = Rename(record, asked);
        foreach (var question in format.Questions(renamed))
        {
            if (question.Spans.Any(span => span.Contains(TaskFormat.Separator, StringComparison.Ordinal))) continue;
            yield return new PromptCompletion("", format.Prompt(shown, record.Text, question), TaskFormat.Completion(question));
        }
    }

    private List<string> WordsFor(string label) => words.TryGetValue(label, out var others) ? others : [];

    // What is not asked for is left out of the answer.
    private static DataRecord Rename(DataRecord record, Dictionary<string, string> asked)
    {
        string? Word(string label) => asked.GetValueOrDefault(TaskFormat.Label(label));
        return record with
        {
            Label = record.Label is { } label ? Word(label) : null,
            Entities = [.. record.Entities.Where(entity => Word(entity.Type) is not null)
                .Select(entity => entity with { Type = Word(entity.Type)! })],
            Relations = [.. record.Relations.Where(relation => Word(relation.Type) is not null)
                .Select(relation => relation with { Type = Word(relation.Type)! })],
        };
    }
}
