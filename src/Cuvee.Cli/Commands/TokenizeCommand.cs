using System.CommandLine;
using System.Text;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee tokenize</c>: token ids of one text, or of every line of standard input.</summary>
internal static class TokenizeCommand
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static Command Create()
    {
        var model = ModelSelection.ModelOption();
        var text = new Option<string?>("--text")
        {
            Description = "Text to encode; without it, each line of standard input is a text.",
            HelpName = "TEXT",
        };
        var noSpecial = new Option<bool>("--no-special") { Description = "Leave out the tokens that the tokenizer adds around a text." };
        var completion = new Option<bool>("--completion")
        {
            Description = "Encode as a completion is scored: as the continuation of a prompt, with its closing token.",
        };
        var selection = new TextSelection();
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "tokenize",
            "Encode text: ids and tokens as the vocabulary spells them. Lines of standard input end with a line feed alone.",
            "cuvee tokenize --model zoo/base --text \"cheap noodles near me\"",
            "cuvee tokenize --model zoo/base --text \" type: span\" --completion",
            "cuvee tokenize --model zoo/base --no-special --json < README.md") { model, text, noSpecial, completion };
        selection.AddTo(command);
        command.Options.Add(json);
        command.Validators.Add(arguments =>
        {
            if (arguments.GetValue(noSpecial) && (arguments.GetValue(completion) || selection.IsGiven(arguments)))
            {
                arguments.AddError(
                    "--no-special is for texts as they stand; leave it out, or --completion, --template and --completion-end.");
            }
        });
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = arguments.GetRequiredValue(model);
            Tokenizer tokenizer;
            Func<string, IReadOnlyList<int>> encode;
            if (arguments.GetValue(completion) || selection.IsGiven(arguments.CommandResult))
            {
                (tokenizer, encode) = ByRules(ModelFolder.Open(folder), selection, arguments, arguments.GetValue(completion));
            }
            else
            {
                tokenizer = Tokenizer.Open(folder);
                encode = document => tokenizer.Encode(document, addSpecialTokens: !arguments.GetValue(noSpecial));
            }

            var asJson = arguments.GetValue(json);
            var output = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(text) is { } given)
            {
                await output.WriteLineAsync(Show(tokenizer, encode(given), asJson));
                return ExitCode.Done;
            }

            await using var input = Console.OpenStandardInput();
            await foreach (var document in ReadLinesAsync(input, cancellationToken))
                await output.WriteLineAsync(Show(tokenizer, encode(document), asJson));
            return ExitCode.Done;
        });
        return command;
    }

    private static (Tokenizer Tokenizer, Func<string, IReadOnlyList<int>> Encode) ByRules(
        ModelFolder folder, TextSelection selection, ParseResult arguments, bool isCompletion)
    {
        var rules = selection.Choose(arguments, folder.Chat, data: null);
        var encoder = new TextEncoder(folder.Tokenizer, folder.Config, rules);
        return (folder.Tokenizer, isCompletion ? encoder.Completion : text => encoder.Prompt(rules.Template.Ask(text)));
    }

    private static string Show(Tokenizer tokenizer, IReadOnlyList<int> ids, bool asJson) => asJson
        ? JsonOutput.Line(new { Ids = ids, Tokens = ids.Select(tokenizer.TokenOf) })
        : string.Join(' ', ids.Select(id => $"{id}:{tokenizer.TokenOf(id)}"));

    /// <summary>
    /// Lines as they are: a carriage return or a byte order mark is part of the text, as it would be for any other tokenizer given
    /// these bytes.
    /// </summary>
    private static async IAsyncEnumerable<string> ReadLinesAsync(
        Stream input, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = new byte[1 << 16];
        using var line = new MemoryStream();
        var count = 0;
        for (int read; (read = await input.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            var rest = buffer.AsMemory(0, read);
            for (int end; (end = rest.Span.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
            {
                line.Write(rest.Span[..end]);
                yield return Decode(line, ++count);
                line.SetLength(0);
            }

            line.Write(rest.Span);
        }

        if (line.Length > 0) yield return Decode(line, ++count);
    }

    private static string Decode(MemoryStream line, int number)
    {
        try
        {
            return Utf8.GetString(line.GetBuffer(), 0, (int)line.Length);
        }
        catch (DecoderFallbackException exception)
        {
            throw new BadInputException($"standard input, line {number}: not UTF-8 text; convert it to UTF-8.", exception);
        }
    }
}
