using System.Diagnostics;
using Cuvee.Data;
using Cuvee.Lab.Tests.Data;

namespace Cuvee.Lab.Tests.Commands;

/// <summary>The real process: exit codes, one-sentence errors, nothing half-written.</summary>
public sealed class LabProcessTests : IDisposable
{
    private readonly DataSetFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Export_OneDataSet_WritesItsPromptsAndCounts()
    {
        var data = folder.Add("classify", "one", [], DataSetFolder.Labelled("text", 5));
        var file = Path.Combine(folder.Root, "out.jsonl");

        var (code, output, error) = Run("export", "--data", data, "--task", "classify", "--limit", "3", "--out", file, "--json");

        Assert.Equal((0, ""), (code, error));
        Assert.Equal("""{"records":3,"leftOutForSeparator":0,"leftOutAsEmpty":0}""", output.Trim());
        Assert.Equal(["one-test-0", "one-test-1", "one-test-2"], RecordFile.Read(file).Select(r => r.Id));
    }

    [Theory]
    [InlineData("export", "--task", "summarize")]
    [InlineData("export", "--task", "classify", "--split", "1")]
    [InlineData("export", "--task", "ner")]
    [InlineData("export", "--task", "classify", "--limit", "0")]
    [InlineData("export", "--task", "classify", "--split", "train")] // empty
    [InlineData("export")]
    [InlineData("import")]
    public void Export_WrongUsageOrInput_ExitsWithTwoAndOneSentence(params string[] arguments)
    {
        var data = folder.Add("classify", "one", [], DataSetFolder.Labelled("text", 5));
        var file = Path.Combine(folder.Root, "out.jsonl");

        var (code, output, error) = Run([.. arguments, "--data", data, "--out", file]);

        Assert.Equal((2, ""), (code, output));
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.False(File.Exists(file));
    }

    [Fact]
    public void Sample_QueryIsATextOfTheData_FailsAndWritesNothing()
    {
        var query = Lab.Grammar.RestaurantSample.Generate().Test[7].Text;
        folder.Add("classify", "one", [], [$$"""{"text": "{{query.ToUpperInvariant()}}?", "label": "x"}"""]);
        var samples = Path.Combine(folder.Root, "samples");

        var (code, _, error) = Run("sample", "--out", samples, "--against", folder.Root);

        Assert.Equal(1, code);
        Assert.Contains(query, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(samples));
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(typeof(Lab.Data.DataSet).Assembly.Location);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
