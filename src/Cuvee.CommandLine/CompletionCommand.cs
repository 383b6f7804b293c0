using System.CommandLine;
using System.Globalization;

namespace Cuvee.CommandLine;

/// <summary>
/// <c>completion bash|zsh|fish</c>: a script for the shell that asks the program itself what may follow, as
/// <c>program [suggest:POSITION] "program words so far"</c>; where it has nothing to say, the shell completes file names.
/// </summary>
public static class CompletionCommand
{
    /// <param name="program">The name that people type.</param>
    public static Command Create(string program)
    {
        var shell = new Argument<string>("shell") { Description = "The shell to complete in." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new ExampleCommand(
            "completion",
            "Print a completion script for the shell; source it, in the shell's start-up file for good.",
            $"source <({program} completion bash)") { shell };
        command.SetAction(arguments =>
        {
            var script = arguments.GetRequiredValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                _ => Fish,
            };
            arguments.InvocationConfiguration.Output.Write(script.Replace("PROGRAM", program, StringComparison.Ordinal));
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Whether the arguments are a shell's question: <c>[suggest:POSITION]</c> and the line so far.</summary>
    internal static bool IsQuestion(IReadOnlyList<string> args) => args is [['[', 's', 'u', 'g', 'g', 'e', 's', 't', ':', .., ']'], _];

    /// <returns>What may stand at the position, one a line: subcommands and accepted values, and options once a dash is there.</returns>
    internal static IEnumerable<string> Answer(Command root, IReadOnlyList<string> question, ParserConfiguration parsing)
    {
        var typed = question[1];
        if (int.TryParse(question[0].AsSpan()["[suggest:".Length..^1], CultureInfo.InvariantCulture, out var position))
            typed = typed[..Math.Clamp(position, 0, typed.Length)];
        var afterProgram = typed.IndexOf(' ', StringComparison.Ordinal) is >= 0 and var space ? typed[(space + 1)..] : "";
        var word = afterProgram[(afterProgram.LastIndexOf(' ') + 1)..];
        return root.Parse(afterProgram, parsing).GetCompletions(afterProgram.Length).Select(completion => completion.Label)
            .Where(label => label.StartsWith("--", StringComparison.Ordinal) ? word.StartsWith('-') : label[0] is not ('-' or '/'));
    }

    private const string Bash = """
        # bash completion of PROGRAM: what the program suggests, else file names.
        _PROGRAM_complete() {
            local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} suggestion
            COMPREPLY=()
            while IFS= read -r suggestion; do
                [[ $suggestion == "$word"* ]] && COMPREPLY+=("$suggestion")
            done < <("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$line" 2> /dev/null)
            [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default 2> /dev/null
        }
        complete -F _PROGRAM_complete PROGRAM ./PROGRAM

        """;

    private const string Zsh = """
        #compdef PROGRAM
        # zsh completion of PROGRAM: what the program suggests, else file names.
        _PROGRAM() {
            local line="${(j: :)words[1,CURRENT]}"
            local -a suggestions
            suggestions=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2> /dev/null)}")
            suggestions=(${suggestions:#})
            if (( ${#suggestions} )); then compadd -- "${suggestions[@]}"; else _files; fi
        }
        compdef _PROGRAM PROGRAM ./PROGRAM

        """;

    private const string Fish = """
        # fish completion of PROGRAM: what the program suggests, else file names.
        function __PROGRAM_complete
            set -l line (commandline -cp)
            (commandline -opc)[1] "[suggest:"(string length -- $line)"]" $line 2> /dev/null
        end
        complete -c PROGRAM -a "(__PROGRAM_complete)"

        """;
}
