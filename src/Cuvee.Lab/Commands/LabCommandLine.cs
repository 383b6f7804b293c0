using System.CommandLine;
using Cuvee.Data;
using Cuvee.Lab.Data;
using Cuvee.Lab.Zoo;

namespace Cuvee.Lab.Commands;

/// <summary>Runs a command line under the project's rule for exit codes: 0 done, 1 the work failed, 2 wrong usage or bad input.</summary>
internal static class LabCommandLine
{
    private static readonly Option<bool> Verbose = new("--verbose") { Description = "Show the stack trace of an error.", Recursive = true };

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        root.Options.Add(Verbose);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"{OneLine(parsed.Errors[0].Message)} (\"cuvee-lab --help\" lists commands and options.)");
            return 2;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception exception)
        {
            await Console.Error.WriteLineAsync(parsed.GetValue(Verbose) ? exception.ToString() : exception.Message);
            return IsBadInput(exception) ? 2 : 1;
        }
    }

    private static bool IsBadInput(Exception exception) =>
        exception is DataSetException or ZooException or RecordFileException or FileNotFoundException or DirectoryNotFoundException;

    /// <summary>The library lists accepted values one a line.</summary>
    private static string OneLine(string message) =>
        string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
