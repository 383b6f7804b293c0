using System.Diagnostics;
using System.Text.Json.Nodes;
using Cuvee.Cli;
using Cuvee.CommandLine;

namespace Cuvee.FunctionalTests;

/// <summary>One call of the command line: exit code and what it wrote.</summary>
internal sealed record CuveeRun(int Code, string Output, string Error)
{
    /// <summary>Standard output as JSON values, one a line.</summary>
    public IReadOnlyList<JsonNode> Json =>
        [.. Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];

    /// <summary>The last JSON line of a call that must succeed.</summary>
    public JsonNode Result => Code == ExitCode.Done ? Json[^1] : throw new InvalidOperationException($"exit code {Code}: {Error}");

    /// <summary>The whole command line in this process, with its own output and error streams.</summary>
    public static async Task<CuveeRun> InProcessAsync(params string[] arguments)
    {
        using var error = new StringWriter();
        return await InProcessAsync(error, CancellationToken.None, arguments);
    }

    public static async Task<CuveeRun> InProcessAsync(StringWriter error, CancellationToken cancellationToken, params string[] arguments)
    {
        using var output = new StringWriter();
        var code = await CommandRunner.RunAsync(CuveeCommand.Create(), arguments, output, error, cancellationToken);
        return new CuveeRun(code, output.ToString(), error.ToString());
    }

    /// <summary>A process of its own, output and error piped.</summary>
    public static Process Start(params string[] arguments) => StartIn(null, new Dictionary<string, string>(), arguments);

    /// <summary>A process of its own in <paramref name="folder"/>, with further environment variables.</summary>
    public static Process StartIn(string? folder, IReadOnlyDictionary<string, string> variables, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? "",
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        start.ArgumentList.Add(typeof(CuveeCommand).Assembly.Location);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    public static async Task<CuveeRun> InOwnProcessAsync(byte[] input, params string[] arguments)
    {
        using var process = Start(arguments);
        return await EndAsync(process, input);
    }

    /// <summary>Gives the process its input and waits for its end.</summary>
    public static async Task<CuveeRun> EndAsync(Process process, byte[] input)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.BaseStream.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return new CuveeRun(process.ExitCode, await output, await error);
    }
}
