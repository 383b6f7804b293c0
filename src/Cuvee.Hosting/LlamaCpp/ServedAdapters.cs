using System.Globalization;
using Cuvee.Formats;

namespace Cuvee.Hosting.LlamaCpp;

/// <summary>
/// The adapters of a llama-server by name and keep fraction, told by their files: <c>NAME.gguf</c> is an adapter as it is,
/// <c>NAME@0.5.gguf</c> the same one pruned to half of each LoraA, and a file named <c>adapter.gguf</c> is called like its folder.
/// </summary>
public sealed class ServedAdapters
{
    /// <summary>Between name and keep fraction.</summary>
    public const char Mark = '@';

    private const string Extension = ".gguf";
    private const string Nameless = "adapter";

    private readonly Dictionary<(string Name, double KeepFraction), int> ids = [];

    /// <param name="paths">On the server, in the order of their ids.</param>
    /// <exception cref="BadInputException">Two files of one name and fraction, or an adapter that is there in pruned form only.</exception>
    public ServedAdapters(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        for (var id = 0; id < paths.Count; id++)
        {
            var key = Parse(paths[id]);
            if (!ids.TryAdd(key, id))
            {
                throw new BadInputException(
                    $"{paths[id]}: the server has a second adapter '{key.Name}' with keep fraction {key.KeepFraction}; start it with one.");
            }
        }

        Count = paths.Count;
        Names = [.. ids.Keys.Select(key => key.Name).Distinct().Order(StringComparer.Ordinal)];
        if (Names.FirstOrDefault(name => !ids.ContainsKey((name, 1))) is { } pruned)
        {
            throw new BadInputException(
                $"The server has adapter '{pruned}' in pruned form only; start it with '{pruned}{Extension}', too.");
        }
    }

    /// <summary>Files: the adapters, and their pruned forms.</summary>
    public int Count { get; }

    /// <summary>In ordinal order.</summary>
    public IReadOnlyList<string> Names { get; }

    public int? Find(string name, double keepFraction) => ids.TryGetValue((name, keepFraction), out var id) ? id : null;

    /// <summary>Keep fractions that all of these adapters are there with, largest first.</summary>
    public IReadOnlyList<double> KeepFractions(IReadOnlyList<string> names) =>
        [.. ids.Keys.Select(key => key.KeepFraction).Distinct().Where(fraction => names.All(name => ids.ContainsKey((name, fraction))))
            .OrderDescending()];

    public static string FileName(string adapter, double keepFraction) => keepFraction == 1
        ? adapter + Extension
        : string.Create(CultureInfo.InvariantCulture, $"{adapter}{Mark}{keepFraction}{Extension}");

    private static (string Name, double KeepFraction) Parse(string path)
    {
        var parts = path.Split('/', '\\');
        var stem = parts[^1].EndsWith(Extension, StringComparison.OrdinalIgnoreCase) ? parts[^1][..^Extension.Length] : parts[^1];
        if (stem == Nameless && parts.Length > 1) return (parts[^2], 1);
        var mark = stem.LastIndexOf(Mark);
        return mark > 0 && double.TryParse(stem.AsSpan(mark + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var fraction)
            && fraction is >= 0 and <= 1
            ? (stem[..mark], fraction)
            : (stem, 1);
    }
}
