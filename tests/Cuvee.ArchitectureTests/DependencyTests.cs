using System.Xml.Linq;

namespace Cuvee.ArchitectureTests;

/// <summary>Rooms point one way.</summary>
public sealed class DependencyTests
{
    /// <summary>What each room may refer to; what those refer to is visible through them.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Cuvee.Numerics"] = [],
        ["Cuvee.LanguageModels"] = [],
        ["Cuvee.CommandLine"] = [],
        ["Cuvee.Formats"] = ["Cuvee.Numerics"],
        ["Cuvee.Optimization"] = ["Cuvee.Numerics"],
        ["Cuvee.Merging"] = ["Cuvee.Formats"],
        ["Cuvee.Inference"] = ["Cuvee.Formats", "Cuvee.LanguageModels"],
        ["Cuvee.Training"] = ["Cuvee.Inference"],
        ["Cuvee.Hosting"] = ["Cuvee.Merging", "Cuvee.Inference", "Cuvee.LanguageModels"],
        ["Cuvee"] = ["Cuvee.Hosting", "Cuvee.Optimization"],
        ["Cuvee.Server"] = ["Cuvee"],
        ["Cuvee.Cli"] = ["Cuvee", "Cuvee.Server", "Cuvee.CommandLine", "Cuvee.Lab"],
        ["Cuvee.Lab"] = ["Cuvee", "Cuvee.CommandLine", "Cuvee.Training"],
    };

    public static TheoryData<string> Rooms { get; } = new(SourceTree.Projects.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Room_References_OnlyWhatTheMapAllows(string room)
    {
        Assert.True(Allowed.ContainsKey(room), $"{room} is not on the map of rooms; decide what it may see and add it here.");
        Assert.Empty(SourceTree.Projects[room].Except(Allowed[room]));
    }

    [Fact]
    public void Map_Rooms_PointOneWay()
    {
        var settled = new HashSet<string>();
        while (Allowed.Keys.FirstOrDefault(room => !settled.Contains(room) && Allowed[room].All(settled.Contains)) is { } next)
            settled.Add(next);
        Assert.Equal(Allowed.Keys.Order(StringComparer.Ordinal), settled.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Map_Rooms_AllExist() => Assert.Empty(Allowed.Keys.Except(SourceTree.Projects.Keys));

    [Fact]
    public void Solution_Projects_AreAllListed()
    {
        var listed = XDocument.Load(Path.Combine(SourceTree.Root, "Cuvee.slnx")).Descendants("Project")
            .Select(project => project.Attribute("Path")!.Value);
        var present = new[] { "src", "tests", "bench" }
            .SelectMany(folder => Directory.GetFiles(Path.Combine(SourceTree.Root, folder), "*.csproj", SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(SourceTree.Root, path).Replace('\\', '/'));
        Assert.Equal(present.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Packages_Versions_AreCentral()
    {
        var projects = Directory.GetFiles(Path.Combine(SourceTree.Root, "src"), "*.csproj", SearchOption.AllDirectories);
        Assert.All(projects, path => Assert.DoesNotContain(
            XDocument.Load(path).Descendants("PackageReference"), reference => reference.Attribute("Version") is not null));
    }
}
