using System.Globalization;
using System.Text;
using Cuvee.Formats;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Cuvee.Configuration;

/// <summary>
/// One mapping of a YAML file whose every key must be asked for: <see cref="ThrowIfUnknownKeys"/> refuses the rest, naming file, line
/// and the nearest known key.
/// </summary>
public sealed class YamlMapping
{
    private const int DeepestNesting = 20; // stream and document included
    private const int LongestFile = 16 << 20; // characters

    private readonly string file;
    private readonly string path; // dotted, empty at the root
    private readonly YamlMappingNode node;
    private readonly List<string> known = [];

    private YamlMapping(string file, string path, YamlMappingNode node) => (this.file, this.path, this.node) = (file, path, node);

    /// <summary>The text of a run file.</summary>
    /// <exception cref="BadInputException">Missing, unreadable, too large or not UTF-8.</exception>
    public static string ReadText(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LongestFile })
            {
                throw new BadInputException(
                    $"{path}: larger than {LongestFile >> 20} MB; a run file names its data, it does not hold it.");
            }

            return File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new BadInputException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); give a run file.", exception);
        }
    }

    /// <exception cref="BadInputException">Not one YAML mapping, or nested too deeply.</exception>
    public static YamlMapping Parse(string text, string file)
    {
        try
        {
            RequireShallow(text, file);
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents.Count != 1 || stream.Documents[0].RootNode is not YamlMappingNode root)
            {
                throw new BadInputException($"{file}: must hold one YAML mapping such as 'model: path'.");
            }

            return new YamlMapping(file, "", root);
        }
        catch (YamlException exception)
        {
            throw new BadInputException($"{file}, line {exception.Start.Line}: not valid YAML ({exception.Message}).", exception);
        }
    }

    public bool Has(string key)
    {
        known.Add(key);
        return Find(key) is not null;
    }

    public bool IsListOfMappings(string key) => Find(key) is YamlSequenceNode { Children: [YamlMappingNode, ..] };

    public string RequiredText(string key, string meaning) => Text(key) ?? throw Missing(key, $"set it to {meaning}");

    /// <summary>That a key must be there; the one that is there and may be its misspelling is named.</summary>
    public BadInputException Missing(string key, string mend)
    {
        var missing = $"key '{Qualified(key)}' is missing";
        var near = node.Children.Keys.OfType<YamlScalarNode>()
            .FirstOrDefault(other => !known.Contains(other.Value!) && IsNear(other.Value!, key));
        return near is null
            ? new BadInputException($"{file}: {missing}; {mend}.")
            : Error(near, $"{missing}; did you mean it by '{near.Value}'?");
    }

    /// <summary>A key that is known to be wrong, and so no part of the lists of known ones.</summary>
    public void Refuse(string key, string message)
    {
        if (Find(key) is { } value) throw Error(value, message);
    }

    public string? Text(string key) => Scalar(key, "a text", text => text.Length > 0 ? text : null);

    public int? Integer(string key, int min, int max) => Scalar<int?>(
        key,
        $"a whole number from {min} to {max}",
        text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max
            ? value
            : null);

    /// <returns>0 for <c>auto</c>; null when the key is missing.</returns>
    public int? IntegerOrAuto(string key, int max) => Scalar<int?>(
        key,
        $"auto or a whole number from 1 to {max}",
        text => text == "auto" ? 0
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= 1 && value <= max ? value
            : null);

    public ulong? Seed(string key) => Scalar<ulong?>(
        key,
        "a whole number from 0 to 18446744073709551615",
        text => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null);

    public double? Number(string key, double min, double max) => Scalar<double?>(
        key,
        $"a number from {min} to {max}",
        text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : null);

    public bool? Boolean(string key) => Scalar<bool?>(
        key, "true or false", text => text switch { "true" => true, "false" => false, _ => null });

    public T? Choice<T>(string key, IReadOnlyDictionary<string, T> choices)
        where T : struct
    {
        var text = Text(key);
        if (text is null) return null;
        return choices.TryGetValue(text, out var value)
            ? value
            : throw Error(
                Find(key)!, $"'{Qualified(key)}' is '{text}'; choose {string.Join(", ", choices.Keys)}{Nearest(text, choices.Keys)}.");
    }

    /// <summary>The one of <paramref name="choices"/> that the text names; null when the key is missing.</summary>
    public T? Choice<T>(string key, IEnumerable<T> choices, Func<T, string> nameOf)
        where T : class
    {
        var text = Text(key);
        if (text is null) return null;
        var names = choices.Select(nameOf).ToList();
        return choices.FirstOrDefault(choice => nameOf(choice) == text) ?? throw Error(
            Find(key)!, $"'{Qualified(key)}' is '{text}'; choose {string.Join(", ", names)}{Nearest(text, names)}.");
    }

    /// <summary>One or several of <paramref name="choices"/>, each once; null when the key is missing.</summary>
    public IReadOnlyList<T>? Choices<T>(string key, IReadOnlyList<T> choices, Func<T, string> nameOf)
        where T : class
    {
        if (Find(key) is not YamlSequenceNode) return Choice(key, choices, nameOf) is { } one ? [one] : null;
        var names = string.Join(", ", choices.Select(nameOf));
        var chosen = Texts(key)!.Select(text => choices.FirstOrDefault(choice => nameOf(choice) == text) ?? throw Error(
            Find(key)!,
            $"'{Qualified(key)}' names '{text}'; choose from {names}{Nearest(text, choices.Select(nameOf))}.")).ToList();
        return chosen.Count > 0 && chosen.Distinct().Count() == chosen.Count
            ? chosen
            : throw Error(Find(key)!, $"'{Qualified(key)}' must name at least one of {names}, each once.");
    }

    /// <summary>A mapping, or a text that stands for a mapping with the one key <paramref name="textKey"/>.</summary>
    public YamlMapping MappingOrText(string key, string textKey)
    {
        if (Find(key) is not YamlScalarNode text) return Mapping(key)!;
        known.Add(key);
        return new YamlMapping(file, Qualified(key), new YamlMappingNode(new YamlScalarNode(textKey), text));
    }

    public IReadOnlyList<string>? Texts(string key)
    {
        known.Add(key);
        return Find(key) switch
        {
            null => null,
            YamlSequenceNode sequence when sequence.All(item => item is YamlScalarNode { Value.Length: > 0 }) =>
                [.. sequence.Select(item => ((YamlScalarNode)item).Value!)],
            { } other => throw Error(other, $"'{Qualified(key)}' must be a list of texts such as [a, b]."),
        };
    }

    /// <returns>At least one number, none twice.</returns>
    public IReadOnlyList<double>? Numbers(string key, double min, double max)
    {
        known.Add(key);
        if (Find(key) is not { } node) return null;
        var numbers = new List<double>();
        foreach (var item in (node as YamlSequenceNode)?.Children ?? [])
        {
            if (!double.TryParse((item as YamlScalarNode)?.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                || !(number >= min && number <= max))
                throw Error(item, $"'{Qualified(key)}' must be a list of numbers from {min} to {max}, such as [0.5, 1].");
            numbers.Add(number);
        }

        return numbers.Count > 0 && numbers.Distinct().Count() == numbers.Count
            ? numbers
            : throw Error(node, $"'{Qualified(key)}' must be a list of numbers from {min} to {max}, at least one, each once.");
    }

    /// <summary>A number or a list of them; true and false count as 1 and 0. Null when the key is missing.</summary>
    /// <returns>At least one.</returns>
    public IReadOnlyList<double>? NumberOrNumbers(string key)
    {
        known.Add(key);
        if (Find(key) is not { } node) return null;
        var numbers = new List<double>();
        foreach (var item in node is YamlSequenceNode list ? list.Children : [node])
        {
            var text = (item as YamlScalarNode)?.Value;
            if (text?.ToUpperInvariant() is "TRUE" or "YES" or "ON") numbers.Add(1);
            else if (text?.ToUpperInvariant() is "FALSE" or "NO" or "OFF") numbers.Add(0);
            else if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
                numbers.Add(number);
            else throw Error(item, $"'{Qualified(key)}' must be a number, true, false or a list of numbers such as [0, 0.5, 1].");
        }

        return numbers.Count > 0 ? numbers : throw Error(node, $"'{Qualified(key)}' is an empty list; give a number.");
    }

    public YamlMapping? Mapping(string key)
    {
        known.Add(key);
        return Find(key) switch
        {
            null => null,
            YamlMappingNode mapping => new YamlMapping(file, Qualified(key), mapping),
            { } other => throw Error(other, $"'{Qualified(key)}' must be a mapping of keys to values."),
        };
    }

    public IReadOnlyList<YamlMapping>? Mappings(string key)
    {
        known.Add(key);
        return Find(key) switch
        {
            null => null,
            YamlSequenceNode sequence when sequence.All(item => item is YamlMappingNode) =>
                [.. sequence.Select((item, index) => new YamlMapping(file, $"{Qualified(key)}[{index}]", (YamlMappingNode)item))],
            { } other => throw Error(other, $"'{Qualified(key)}' must be a list of mappings."),
        };
    }

    /// <summary>Call after every known key was asked for.</summary>
    public void ThrowIfUnknownKeys()
    {
        foreach (var (key, _) in node.Children)
        {
            var name = (key as YamlScalarNode)?.Value ?? "";
            if (known.Contains(name)) continue;
            var where = path.Length == 0 ? "" : $" in '{path}'";
            throw Error(key, $"unknown key '{name}'{where}{Nearest(name, known)}; known keys are {string.Join(", ", known.Distinct())}.");
        }
    }

    public BadInputException Error(string key, string message) => Find(key) is { } value
        ? Error(value, message)
        : new BadInputException($"{file}: {message}");

    private BadInputException Error(YamlNode at, string message) => new($"{file}, line {at.Start.Line}: {message}");

    private T? Scalar<T>(string key, string expected, Func<string, T?> convert)
    {
        known.Add(key);
        var value = Find(key);
        if (value is null) return default;
        var text = (value as YamlScalarNode)?.Value;
        var converted = text is null ? default : convert(text);
        return converted is null ? throw Error(value, $"'{Qualified(key)}' must be {expected}.") : converted;
    }

    /// <summary>The library's loader recurses: a document of thousands of brackets would end the process.</summary>
    private static void RequireShallow(string text, string file)
    {
        var parser = new Parser(new StringReader(text));
        var open = new Stack<string?>(); // anchors of what is not closed yet
        while (parser.MoveNext())
        {
            var current = parser.Current!;
            if (current.NestingIncrease > 0) open.Push((current as NodeEvent)?.Anchor.ToString());
            else if (current.NestingIncrease < 0) open.Pop();
            if (open.Count > DeepestNesting)
            {
                throw new BadInputException(
                    $"{file}, line {current.Start.Line}: nested deeper than {DeepestNesting} levels; no key of a run file is.");
            }

            if (current is AnchorAlias alias && open.Contains(alias.Value.ToString()))
                throw new BadInputException($"{file}, line {current.Start.Line}: '*{alias.Value}' holds itself; write what is meant.");
        }
    }

    /// <returns>Null where the key is missing or has YAML's null, which is the same.</returns>
    private YamlNode? Find(string key)
    {
        var value = node.Children.FirstOrDefault(child => (child.Key as YamlScalarNode)?.Value == key).Value;
        return value is YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" or "Null" or "NULL" } ? null : value;
    }

    private string Qualified(string key) => path.Length == 0 ? key : $"{path}.{key}";

    private static string Nearest(string name, IEnumerable<string> candidates)
    {
        var (nearest, distance) = candidates.Select(candidate => (candidate, EditDistance(name, candidate))).MinBy(pair => pair.Item2);
        return nearest is not null && distance <= Tolerance(nearest) ? $" (did you mean '{nearest}'?)" : "";
    }

    private static bool IsNear(string name, string key) => EditDistance(name, key) <= Tolerance(key);

    /// <summary>Letters by which a misspelling may differ.</summary>
    private static int Tolerance(string key) => Math.Max(2, key.Length / 3);

    /// <summary>Levenshtein.</summary>
    private static int EditDistance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray(); // distances of a's prefix to every prefix of b
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
