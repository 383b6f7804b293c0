using Cuvee.Formats;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.NamingConventions;

namespace Cuvee.Lab.Zoo;

/// <summary>
/// zoo.yaml: everything that decides the zoo's bytes besides the data and this program. Keys in snake_case; an unknown key is an error.
/// </summary>
public sealed class ZooPlan
{
    public ulong Seed { get; set; }

    public BasePlan Base { get; set; } = new();

    public SpecialistSettings SpecialistDefaults { get; set; } = new();

    public List<SpecialistPlan> Specialists { get; set; } = [];

    /// <exception cref="BadInputException">The file is not a plan; names the line.</exception>
    public static ZooPlan Read(string path)
    {
        try
        {
            var deserializer = new DeserializerBuilder().WithNamingConvention(UnderscoredNamingConvention.Instance).Build();
            var plan = deserializer.Deserialize<ZooPlan>(File.ReadAllText(path))
                ?? throw new BadInputException($"{path}: the file is empty.");
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
}
