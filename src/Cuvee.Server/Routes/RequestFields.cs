using System.Text;
using Cuvee.Formats;
using Cuvee.Formats.Json;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Routes;

/// <summary>Fields that several routes read alike.</summary>
internal static class RequestFields
{
    /// <summary><c>model</c> (the base when absent), or <c>recipe</c> beside the base.</summary>
    /// <exception cref="ServiceException">No such model.</exception>
    public static (string Name, ServedRecipe Recipe) Model(JsonField root, ServedPool served)
    {
        var name = root.Find("model")?.Text() ?? served.Name;
        var recipe = served.Find(name)
            ?? throw ServiceException.NotFound($"There is no model '{name}'; GET /v1/models lists those that there are.");
        if (root.Find("recipe") is not { } field) return (name, recipe);
        if (name != served.Name) throw field.Error($"goes with the base, not with model '{name}'; leave one of them out");
        var document = RecipeJson.Parse(Encoding.UTF8.GetBytes(field.Value.GetRawText()), "request: 'recipe'");
        try
        {
            return (name, served.Check(document));
        }
        catch (ArgumentException exception)
        {
            throw field.Error($"does not fit the pool ({exception.Message.TrimEnd('.')}); GET /v1/adapters lists it", exception);
        }
    }

    public static (TextRules Rules, TextEncoder Encoder) Texts(JsonField root, ServedPool served, bool isConversation)
    {
        try
        {
            return served.Texts(root.Find("template")?.Text(), root.Find("completion_end")?.Text() ?? TextRules.Auto, isConversation);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"request: 'template': {exception.Message}", exception);
        }
    }

    /// <summary>Decoding as OpenAI names it; the temperature is 1 unless given, as there.</summary>
    /// <param name="maxTokens">When the request does not say.</param>
    public static GenerationOptions Sampling(JsonField root, int maxTokens, int contextLength)
    {
        double Range(string key, double minimum, double maximum, double otherwise)
        {
            if (root.Find(key) is not { } field) return otherwise;
            return field.Number(minimum) is var value && value <= maximum
                ? value
                : throw field.Error($"is {field.Shown}; it must lie in [{minimum}, {maximum}]");
        }

        var count = (root.Find("max_completion_tokens") ?? root.Find("max_tokens"))?.Integer(0);
        return new GenerationOptions
        {
            MaxTokens = Math.Min(count ?? maxTokens, contextLength),
            Temperature = Range("temperature", 0, 100, 1),
            TopP = Range("top_p", 1e-9, 1, 1),
            TopK = root.Find("top_k")?.Integer(0) ?? 0,
            RepetitionPenalty = Range("repetition_penalty", 1e-3, 1e3, 1),
            Seed = root.Find("seed")?.Unsigned() ?? 0,
        };
    }

    /// <summary>A text or up to four of them.</summary>
    public static IReadOnlyList<string> Stop(JsonField root)
    {
        if (root.Find("stop") is not { } field) return [];
        IReadOnlyList<string> texts = field.IsList ? [.. field.Items().Select(item => item.Text())] : [field.Text()];
        return texts.Count <= 4 && texts.All(text => text.Length > 0)
            ? texts
            : throw field.Error("must be one to four texts, none of them empty");
    }

    public static bool Flag(JsonField root, string key) => root.Find(key)?.Boolean() ?? false;

    /// <summary>Whether a stream ends with an account of tokens.</summary>
    public static bool StreamsUsage(JsonField root)
    {
        if (root.Find("stream_options") is not { } options) return false;
        options.RequireOnly("include_usage");
        return Flag(options, "include_usage");
    }

    /// <summary>Fields of OpenAI's that mean something else than their default are refused rather than ignored.</summary>
    public static void RequireOne(JsonField root, string key)
    {
        if (root.Find(key) is { } field && field.Integer(0) != 1) throw field.Error("must be 1; ask again for further answers");
    }
}
