using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.LanguageModels.Chat;
using Cuvee.Numerics;

namespace Cuvee.Planning;

/// <summary>
/// Records with solved examples in front, what a user of the base model would do with the validation records without any merge. Without a
/// template prompt and completion stand one behind the other with a blank line between two examples; under a template the examples are
/// earlier turns. A record that is itself an example is asked without it.
/// </summary>
public sealed class FewShotPrompts
{
    private const string Separator = "\n\n";

    private readonly Source validation;
    private readonly Source test;
    private readonly ChatTemplate template;
    private IReadOnlyList<PromptCompletion>? validationPrompts;
    private IReadOnlyList<PromptCompletion>? testPrompts;

    private FewShotPrompts(Source validation, Source test, ChatTemplate template, IReadOnlyList<int> order, int count)
    {
        (this.validation, this.test, this.template) = (validation, test, template);
        Examples = [.. order.Take(count)];
        // Where answers hold blank lines themselves, nothing but the closing token ends one.
        var isBare = template.Name == ChatTemplates.None.Name;
        Stop = isBare && !validation.Records.Any(record => record.Completion.Contains(Separator, StringComparison.Ordinal))
            ? [Separator]
            : [];
    }

    /// <summary>Positions in the validation file, in the order of the prompt.</summary>
    public IReadOnlyList<int> Examples { get; }

    /// <summary>In the order of the file; completions as they were.</summary>
    public IReadOnlyList<PromptCompletion> Validation =>
        validationPrompts ??= [.. Enumerable.Range(0, validation.Records.Count).Select(i => Ask(validation, i))];

    /// <summary>In the order of the file; completions as they were.</summary>
    public IReadOnlyList<PromptCompletion> Test =>
        testPrompts ??= [.. Enumerable.Range(0, test.Records.Count).Select(i => Ask(test, i))];

    /// <summary>What follows an answer in the prompts, so that a model which goes on with an example of its own is not read on.</summary>
    public IReadOnlyList<string> Stop { get; }

    /// <summary>
    /// As many examples as the run file wants and the context holds beside the longest record and its answer: the first ones of an order
    /// drawn by the seed.
    /// </summary>
    /// <returns>Null where the run file wants none, or not one fits.</returns>
    /// <exception cref="BadInputException">The provider does not count tokens and the run file names no number.</exception>
    public static FewShotPrompts? Fit(RunConfiguration configuration, TextRules rules)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(rules);
        if (configuration.Compare?.FewShot is not { } wanted) return null;
        var (validation, test) = (Source.Of(configuration.Validation, rules), Source.Of(configuration.Test!, rules));
        var order = Enumerable.Range(0, validation.Records.Count).ToArray();
        SeededRandom.Derive(configuration.Seed, "few-shot").Shuffle<int>(order);
        FewShotPrompts With(int count) => new(validation, test, rules.Template, order, count);

        var most = wanted == ComparisonSettings.Auto ? order.Length : Math.Min(wanted, order.Length);
        int? Tokens(PromptCompletion record) => configuration.Provider.Lengths([record], rules, configuration.Validation)?[0].Tokens;
        if (Tokens(validation.Records[0]) is null)
        {
            return wanted != ComparisonSettings.Auto ? With(most) : throw new BadInputException(
                $"{configuration.File}: 'compare.few_shot' is auto, but {configuration.Provider.Description} does not count tokens; " +
                "set it to a number of examples that fits its context.");
        }

        bool Fits(IReadOnlyList<PromptCompletion> records)
        {
            try
            {
                return configuration.Provider.Lengths(records, rules, configuration.Validation) is not null;
            }
            catch (BadInputException)
            {
                return false; // what is over the context is refused
            }
        }

        // The longest record finds the number, all records confirm it: tokens of joined texts do not add up exactly.
        var longest = Enumerable.Range(0, test.Records.Count).MaxBy(i => Tokens(test.Records[i]));
        var (low, high) = (0, most);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (Fits([With(middle).Ask(test, longest)])) low = middle;
            else high = middle - 1;
        }

        for (var count = low; count > 0; count--)
        {
            var prompts = With(count);
            if (Fits([.. prompts.Test, .. prompts.Validation])) return prompts;
        }

        return null;
    }

    private PromptCompletion Ask(Source source, int position)
    {
        var examples = Examples.Where(example => !ReferenceEquals(source, validation) || example != position);
        var record = source.Records[position];
        if (template.Name == ChatTemplates.None.Name)
        {
            var solved = examples.Select(i => validation.Records[i]).Select(example => example.Prompt + example.Completion + Separator);
            return record with { Prompt = string.Concat(solved) + record.Prompt };
        }

        static bool IsSystem(ChatMessage message) => message.Role == ChatMessage.System;
        var own = source.Conversations[position].Messages;
        var earlier = examples.SelectMany(i => validation.Conversations[i].Messages).Where(message => !IsSystem(message));
        var (prompt, _) = template.Render([.. own.Where(IsSystem), .. earlier, .. own.Where(message => !IsSystem(message))]);
        return record with { Prompt = prompt };
    }

    /// <summary>A file of records, as stated and as rendered.</summary>
    private sealed record Source(IReadOnlyList<Conversation> Conversations, IReadOnlyList<PromptCompletion> Records)
    {
        public static Source Of(string path, TextRules rules) =>
            new(RecordFile.ReadConversations(path), RecordFile.Read(path, rules.Template));
    }
}
