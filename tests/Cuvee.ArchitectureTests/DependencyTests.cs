using System.Xml.Linq;

namespace Cuvee.ArchitectureTests;

/// <summary>Rooms point one way.</summary>
public sealed class DependencyTests
{
    /// <summary>What each room may see, directly or through others.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Cuvee.Numerics"] = [],
        ["Cuvee.LanguageModels"] = [],
        ["Cuvee.CommandLine"] = [],
        ["Cuvee.Formats"] = ["Cuvee.Numerics"],
        ["Cuvee.Optimization"] = ["Cuvee.Numerics"],
        ["Cuvee.Merging"] = ["Cuvee.Formats", "Cuvee.Numerics"],
        ["Cuvee.Inference"] = ["Cuvee.Formats", "Cuvee.LanguageModels", "Cuvee.Numerics"],
        ["Cuvee.Training"] = ["Cuvee.Inference", "Cuvee.Formats", "Cuvee.LanguageModels", "Cuvee.Numerics"],
        ["Cuvee.Hosting"] = ["Cuvee.Merging", "Cuvee.Inference", "Cuvee.LanguageModels", "Cuvee.Formats", "Cuvee.Numerics"],
        ["Cuvee"] =
            ["Cuvee.Hosting", "Cuvee.Optimization", "Cuvee.Merging", "Cuvee.Inference", "Cuvee.LanguageModels", "Cuvee.Formats", "Cuvee.Numerics"],
        ["Cuvee.Cli"] =
        [
            "Cuvee", "Cuvee.CommandLine", "Cuvee.Hosting", "Cuvee.Optimization", "Cuvee.Merging", "Cuvee.Inference", "Cuvee.LanguageModels", "Cuvee.Formats",
            "Cuvee.Numerics",
        ],
        ["Cuvee.Lab"] =
        [
            "Cuvee", "Cuvee.CommandLine", "Cuvee.Training", "Cuvee.Hosting", "Cuvee.Optimization", "Cuvee.Merging", "Cuvee.Inference", "Cuvee.LanguageModels",
            "Cuvee.Formats", "Cuvee.Numerics",
        ],
    };

    public static TheoryData<string> Rooms { get; } = new(SourceTree.Projects.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Room_References_OnlyWhatTheMapAllows(string room)
    {
        Assert.True(Allowed.ContainsKey(room), $"{room} is not on the map of rooms; decide what it may see and add it here.");
        Assert.Empty(Reachable(room).Except(Allowed[room]));
    }

    [Fact]
    public void Map_Rooms_AllExist() => Assert.Empty(Allowed.Keys.Except(SourceTree.Projects.Keys));

    [Fact]
    public void CommandLines_Nobody_RefersToThem()
    {
        foreach (var (room, references) in SourceTree.Projects) Assert.False(references.Contains("Cuvee.Cli") || references.Contains("Cuvee.Lab"), room);
    }

    [Fact]
    public void Solution_Projects_AreAllListed()
    {
        var listed = XDocument.Load(Path.Combine(SourceTree.Root, "Cuvee.slnx")).Descendants("Project").Select(project => project.Attribute("Path")!.Value);
        var present = new[] { "src", "tests", "bench" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(SourceTree.Root, folder), "*.csproj", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(SourceTree.Root, path).Replace('\\', '/'));
        Assert.Equal(present.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Packages_Versions_AreCentral()
    {
        var projects = Directory.GetFiles(Path.Combine(SourceTree.Root, "src"), "*.csproj", SearchOption.AllDirectories);
        Assert.All(projects, path => Assert.DoesNotContain(XDocument.Load(path).Descendants("PackageReference"), r => r.Attribute("Version") is not null));
    }

    private static HashSet<string> Reachable(string room)
    {
        var seen = new HashSet<string>();
        var open = new Stack<string>(SourceTree.Projects[room]);
        while (open.TryPop(out var next))
        {
            if (!seen.Add(next)) continue;
            Assert.NotEqual(room, next);
            foreach (var further in SourceTree.Projects[next]) open.Push(further);
        }

        return seen;
    }
}
