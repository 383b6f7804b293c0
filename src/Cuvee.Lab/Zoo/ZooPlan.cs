using Cuvee.Formats;
using YamlDotNet.RepresentationModel;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// zoo.yaml: everything that decides the zoo's bytes besides the data and this program. Keys in snake_case; an unknown key is an error.
/// </summary>
public sealed class ZooPlan
{
    /// <summary>Another plan beside the file, for whatever this one does not say.</summary>
    public string? Like { get; set; }

    public ulong Seed { get; set; }

    public BasePlan Base { get; set; } = new();

    public SpecialistSettings SpecialistDefaults { get; set; } = new();

    public List<SpecialistPlan> Specialists { get; set; } = [];

    /// <summary>With <c>like: OTHER</c>, what the file does not say is as in that plan beside it; of <c>base</c> and
    /// <c>specialist_defaults</c> key by key, a list as a whole.</summary>
    /// <exception cref="BadInputException">The file is not a plan; names the line.</exception>
    public static ZooPlan Read(string path) => Read(path, mayBeLike: true);

    private static ZooPlan Read(string path, bool mayBeLike)
    {
        try
        {
            var deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
            var plan = deserializer.Deserialize<ZooPlan>(File.ReadAllText(path))
                ?? throw new BadInputException($"{path}: the file is empty.");
            if (plan.Like is { } like)
            {
                if (!mayBeLike) throw new BadInputException($"{path}: is like {like} itself; name that plan.");
                plan = deserializer.Deserialize<ZooPlan>(Overlaid(Path.Combine(Path.GetDirectoryName(path) ?? "", like), path));
            }

            var twin = plan.Specialists.GroupBy(s => s.Name).FirstOrDefault(g => g.Count() > 1);
            if (twin is not null) throw new BadInputException($"{path}: two specialists are named {twin.Key}; remove one.");
            return plan;
        }
        catch (YamlDotNet.Core.YamlException exception)
        {
            var reason = exception.InnerException?.Message ?? exception.Message;
            throw new BadInputException($"{path}, line {exception.Start.Line}: {reason}", exception);
        }
        catch (IOException exception)
        {
            throw new BadInputException($"{path}: cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>The text of a plan with what another one says instead.</summary>
    private static string Overlaid(string under, string over)
    {
        Read(under, mayBeLike: false); // what is wrong there is said of that file
        var plan = Root(under);
        Overlay(plan, Root(over));
        using var text = new StringWriter();
        new YamlStream(new YamlDocument(plan)).Save(text, assignAnchors: false);
        return text.ToString();

        static YamlMappingNode Root(string path)
        {
            var stream = new YamlStream();
            using var reader = new StringReader(File.ReadAllText(path));
            stream.Load(reader);
            return (YamlMappingNode)stream.Documents[0].RootNode;
        }
    }

    private static void Overlay(YamlMappingNode under, YamlMappingNode over)
    {
        foreach (var (key, value) in over.Children)
        {
            if (value is YamlMappingNode above && under.Children.TryGetValue(key, out var below) && below is YamlMappingNode mapping)
                Overlay(mapping, above);
            else under.Children[key] = value;
        }
    }
}
