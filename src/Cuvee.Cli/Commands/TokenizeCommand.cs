using System.CommandLine;
using System.Text;
using Cuvee.CommandLine;
using Cuvee.Formats;
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
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "tokenize",
            "Encode text: ids and tokens as the vocabulary spells them. Lines of standard input end with a line feed alone.",
            "cuvee tokenize --model zoo/base --text \"cheap noodles near me\"",
            "cuvee tokenize --model zoo/base --no-special --json < README.md") { model, text, noSpecial, json };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var tokenizer = Tokenizer.Open(arguments.GetRequiredValue(model));
            var (special, asJson) = (!arguments.GetValue(noSpecial), arguments.GetValue(json));
            var output = arguments.InvocationConfiguration.Output;
            if (arguments.GetValue(text) is { } given)
            {
                await output.WriteLineAsync(Encode(tokenizer, given, special, asJson));
                return ExitCode.Done;
            }

            await using var input = Console.OpenStandardInput();
            await foreach (var document in ReadLinesAsync(input, cancellationToken))
                await output.WriteLineAsync(Encode(tokenizer, document, special, asJson));
            return ExitCode.Done;
        });
        return command;
    }

    private static string Encode(Tokenizer tokenizer, string text, bool special, bool asJson)
    {
        var ids = tokenizer.Encode(text, special);
        return asJson
            ? JsonOutput.Line(new { Ids = ids, Tokens = ids.Select(tokenizer.TokenOf) })
            : string.Join(' ', ids.Select(id => $"{id}:{tokenizer.TokenOf(id)}"));
    }

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
