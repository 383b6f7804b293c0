using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.LanguageModels;

namespace Cuvee.Cli;

/// <summary>How a command decodes: greedy unless <c>--temperature</c> says otherwise.</summary>
internal sealed class GenerationSelection
{
    private static readonly GenerationOptions Defaults = new();

    private readonly Option<int> maxTokens = Number("--max-tokens", "Longest completion, in tokens.", Defaults.MaxTokens).AtLeast(1);
    private readonly Option<double> temperature =
        Number("--temperature", "0 is greedy; above it, sampling.", Defaults.Temperature).InRange(0, 100);
    private readonly Option<double> topP =
        Number("--top-p", "Sample from the smallest set of this probability.", Defaults.TopP).InRange(1e-9, 1);
    private readonly Option<int> topK = Number("--top-k", "Sample from the k most probable tokens; 0 is all.", Defaults.TopK).AtLeast(0);
    private readonly Option<double> repetitionPenalty =
        Number("--repetition-penalty", "Divides logits of tokens already seen; 1 is off.", Defaults.RepetitionPenalty).InRange(1e-3, 1e3);
    private readonly Option<ulong> seed = Number("--seed", "Seed of sampling.", Defaults.Seed);
    private readonly Option<string[]> stop = new("--stop")
    {
        Description = "Text that ends a completion and is left out of it; may be repeated.",
        HelpName = "TEXT",
    };

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[maxTokens, temperature, topP, topK, repetitionPenalty, seed, stop]) command.Options.Add(option);
    }

    public GenerationOptions Read(ParseResult arguments) => new()
    {
        MaxTokens = arguments.GetValue(maxTokens),
        Temperature = arguments.GetValue(temperature),
        TopP = arguments.GetValue(topP),
        TopK = arguments.GetValue(topK),
        RepetitionPenalty = arguments.GetValue(repetitionPenalty),
        Seed = arguments.GetValue(seed),
        Stop = [.. (arguments.GetValue(stop) ?? []).Where(text => text.Length > 0)],
    };

    private static Option<T> Number<T>(string name, string description, T value) =>
        new(name) { Description = description, DefaultValueFactory = _ => value, HelpName = "N" };
}
