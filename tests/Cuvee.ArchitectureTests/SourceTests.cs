using System.Text.RegularExpressions;

namespace Cuvee.ArchitectureTests;

/// <summary>House rules that a compiler does not know.</summary>
public sealed partial class SourceTests
{
    private const int LongestFile = 400; // lines
    private const int LongestLine = 140; // characters

    private static readonly string[] CommandLines = ["src/Cuvee.Cli/", "src/Cuvee.Lab/", "src/Cuvee.CommandLine/"];

    [Fact]
    public void Files_Length_AtMost400Lines() => AssertNone(
        SourceTree.Sources("src", "tests", "bench").Where(path => SourceTree.Read(path).Count(c => c == '\n') > LongestFile));

    /// <summary>Inside a raw string of several lines the text decides where a line ends.</summary>
    [Fact]
    public void Lines_Length_AtMost140Characters() => AssertNone(SourceTree.Sources("src", "tests", "bench").SelectMany(LongLines));

    [Fact]
    public void Names_Files_AreNoDrawersForEverything() => AssertNone(
        SourceTree.Sources("src", "tests", "bench").Where(path => DrawerName().IsMatch(path)));

    /// <summary>Records, enumerations, interfaces, delegates, exceptions and extensions may stand beside what they belong to.</summary>
    [Fact]
    public void Files_PublicClasses_AtMostOneAFile() => AssertNone(
        SourceTree.Sources("src").Where(path => PublicClass().Count(SourceTree.Read(path)) > 1));

    /// <summary>A folder may also only sort the files of the room's own namespace.</summary>
    [Fact]
    public void Namespaces_Sources_FollowTheFolders() => AssertNone(SourceTree.Sources("src").Where(path =>
    {
        var folders = path.Split('/')[1..^1];
        var match = Namespace().Match(SourceTree.Read(path));
        return match.Success && match.Groups[1].Value != string.Join('.', folders) && match.Groups[1].Value != folders[0];
    }));

    /// <summary>Time, randomness and output reach the core from outside: same seed, same bytes.</summary>
    [Fact]
    public void Core_TimeRandomnessAndConsole_AreInjected() => AssertNone(SourceTree.Sources("src")
        .Where(path => !CommandLines.Any(path.StartsWith)).Where(path => Ambient().IsMatch(SourceTree.Read(path))));

    [Fact]
    public void Sources_Stubs_AreGone() => AssertNone(SourceTree.Sources("src").Where(path => Stub().IsMatch(SourceTree.Read(path))));

    private static IEnumerable<string> LongLines(string path)
    {
        var number = 0;
        var insideRawString = false;
        foreach (var line in SourceTree.Read(path).ReplaceLineEndings("\n").Split('\n'))
        {
            number++;
            if (!insideRawString && line.Length > LongestLine) yield return $"{path}:{number}: {line.Length} characters";
            insideRawString ^= RawQuotes().Count(line) % 2 == 1;
        }
    }

    private static void AssertNone(IEnumerable<string> offenders) => Assert.Equal("", string.Join('\n', offenders));

    [GeneratedRegex(@"(^|/|\.)(Common|Utils?|Utilities|Helpers?|Misc|Shared)(/|\.)|(Utils?|Helpers?|Misc)\.cs$", RegexOptions.IgnoreCase)]
    private static partial Regex DrawerName();

    [GeneratedRegex(
        @"^public (?:(?:sealed|static|abstract|readonly|partial|unsafe|ref) )*(?:class|struct) (?!\w+(Exception|Extensions)\b)",
        RegexOptions.Multiline)]
    private static partial Regex PublicClass();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotes();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(
        @"\b(DateTime(Offset)?\.(Utc)?Now|Random\.Shared|TimeProvider\.System|" +
        @"Environment\.Exit|Guid\.NewGuid)\b|\bnew Random\(|\bConsole\.")]
    private static partial Regex Ambient();

    [GeneratedRegex(@"\bNotImplementedException\b|\bTODO\b|\bFIXME\b")]
    private static partial Regex Stub();
}
