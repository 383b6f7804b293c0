using System.Security.Cryptography;

namespace Cuvee.FunctionalTests;

/// <summary>Wrong usage and bad input: exit code 2, one sentence that names what is wrong, nothing written.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    public static TheoryData<string> Cases { get; } = new(BadInputCases.All.Keys);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Cuvee_BadInput_ExitsWithTwoAndOneSentenceAndWritesNothing(string name)
    {
        var (named, prepare) = BadInputCases.All[name];
        var arguments = prepare(zoo);
        var before = Snapshot();
        var run = await CuveeRun.InProcessAsync(arguments);
        Assert.True((run.Code, run.Output) == (2, ""), $"{run.Code}: {run.Output}{run.Error}");
        var sentence = Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.Contains(named, sentence, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public async Task Cuvee_BadInputInAProcess_SameCodeAndSentence()
    {
        var arguments = BadInputCases.All["truncated adapter"].Prepare(zoo);
        var run = await CuveeRun.InOwnProcessAsync([], arguments);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal((await CuveeRun.InProcessAsync(arguments)).Error, run.Error);
        Assert.Contains("   at ", (await CuveeRun.InOwnProcessAsync([], [.. arguments, "--verbose"])).Error, StringComparison.Ordinal);
    }

    /// <summary>Every file and folder of the zoo with its content.</summary>
    private List<string> Snapshot() =>
    [
        .. Directory.EnumerateFileSystemEntries(zoo.Folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => $"{path} {(File.Exists(path) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))) : "")}"),
    ];
}
