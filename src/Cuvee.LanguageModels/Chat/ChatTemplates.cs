using System.Text.RegularExpressions;

namespace Cuvee.LanguageModels.Chat;

/// <summary>The known families, by name and by their <c>chat_template</c>.</summary>
public static partial class ChatTemplates
{
    /// <summary>Completions follow prompts as they stand.</summary>
    public static ChatTemplate None { get; } = new BareTemplate();

    /// <summary>In their usual form.</summary>
    public static IReadOnlyList<ChatTemplate> All { get; } =
    [
        None,
        new HeaderTemplate { BeginsText = true, Trims = true },
        new ChatMlTemplate(),
        new InstructTemplate { BeginsText = true },
        new GemmaTemplate { BeginsText = true, Trims = true },
        new ZephyrTemplate(),
        new AlpacaTemplate(),
    ];

    /// <summary>For sentences.</summary>
    public static string Names => string.Join(", ", All.Select(template => template.Name));

    /// <summary>
    /// The family that a Jinja <c>chat_template</c> belongs to, with what is its own in it: default system text, spaces, trimming. Null
    /// where it is none of them; Alpaca's headings are never recognised, because their publishers write them differently.
    /// </summary>
    public static ChatTemplate? Recognise(string jinja)
    {
        ArgumentNullException.ThrowIfNull(jinja);
        bool Has(string text) => jinja.Contains(text, StringComparison.Ordinal);
        var template = Has("<|start_header_id|>") && Has("<|eot_id|>") ? Header(jinja)
            : ChatMlTurn().IsMatch(jinja) && Has("<|im_end|>") ? ChatMl(jinja)
            : Has("<start_of_turn>") && Has("<end_of_turn>")
                ? new GemmaTemplate { TakesSystem = !Has("System role not supported"), Trims = TrimmedContent().IsMatch(jinja) }
            : Has("[INST]") && !Has("<<SYS>>") ? Instruct(jinja)
            : Has("<|user|>") && Has("<|assistant|>") && Has("eos_token") && !Has("<|end|>") ? new ZephyrTemplate()
            : (ChatTemplate?)null;
        return template is null ? null : template with { BeginsText = Has("bos_token") };
    }

    private static HeaderTemplate Header(string jinja)
    {
        var cutoff = CutoffLine().Match(jinja);
        var date = DateDefault().Match(jinja);
        return new HeaderTemplate
        {
            Trims = TrimmedContent().IsMatch(jinja),
            Preamble = cutoff.Success && date.Success ? $"{cutoff.Value}\nToday Date: {date.Groups["date"].Value}\n\n" : null,
        };
    }

    private static ChatMlTemplate ChatMl(string jinja)
    {
        var system = DefaultSystem().Match(jinja);
        return new ChatMlTemplate
        {
            DefaultSystem = system.Success ? system.Groups["text"].Value.Replace("\\n", "\n", StringComparison.Ordinal) : null,
            Thinks = jinja.Contains("enable_thinking", StringComparison.Ordinal),
            Trims = TrimmedContent().IsMatch(jinja),
        };
    }

    private static InstructTemplate? Instruct(string jinja)
    {
        var user = InstructUser().Match(jinja);
        var answer = InstructAnswer().Match(jinja);
        if (!user.Success || !answer.Success) return null;
        var system = InstructSystem().Match(jinja);
        return new InstructTemplate
        {
            Open = user.Groups["open"].Value,
            Close = user.Groups["close"].Value,
            Answers = (answer.Groups["before"].Value, answer.Groups["behind"].Value),
            TrimsAnswers = answer.Groups["trim"].Success,
            System = !system.Success ? null
                : system.Groups["place"].Value == "first" ? SystemPlace.FirstUserTurn
                : SystemPlace.LastUserTurn,
        };
    }

    private const int Timeout = 1000; // ms; templates are a few kilobytes

    private const string Content = """message(\.content|\[["']content["']\])""";

    [GeneratedRegex(@"<\|im_start\|>['""] *\+ *" + "message", RegexOptions.None, Timeout)]
    private static partial Regex ChatMlTurn();

    [GeneratedRegex(Content + @" *\| *trim", RegexOptions.None, Timeout)]
    private static partial Regex TrimmedContent();

    [GeneratedRegex(@"<\|im_start\|>system(\\n|\n)(?<text>[^'""{}<]+)<\|im_end\|>", RegexOptions.None, Timeout)]
    private static partial Regex DefaultSystem();

    [GeneratedRegex(@"Cutting Knowledge Date: [A-Za-z0-9 ]+", RegexOptions.None, Timeout)]
    private static partial Regex CutoffLine();

    [GeneratedRegex(@"date_string *= *[""'](?<date>[^""']+)[""']", RegexOptions.None, Timeout)]
    private static partial Regex DateDefault();

    [GeneratedRegex(
        @"(['""])(?<open>\s*\[INST\]\s*)\1 *\+ *" + Content + @" *\+ *(['""])(?<close>\s*\[/INST\]\s*)\3", RegexOptions.None, Timeout)]
    private static partial Regex InstructUser();

    [GeneratedRegex(
        @"((['""])(?<before>\s*)\2 *\+ *)?" + Content + @"(?<trim> *\| *trim)? *\+ *eos_token( *\+ *(['""])(?<behind>\s*)\5)?",
        RegexOptions.None,
        Timeout)]
    private static partial Regex InstructAnswer();

    [GeneratedRegex(@"loop\.(?<place>first|last) and system_message is defined", RegexOptions.None, Timeout)]
    private static partial Regex InstructSystem();
}
