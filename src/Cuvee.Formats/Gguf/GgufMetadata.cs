using System.Globalization;

namespace Cuvee.Formats.Gguf;

/// <summary>
/// Keys and values of a GGUF file in their order. A value is a .NET number, bool or string, or an array of one of them, each of the type
/// that the file gives it; the readers below accept any integer type for an integer and any number for a number.
/// </summary>
/// <param name="source">Name of the file, for errors.</param>
public sealed class GgufMetadata(string source)
{
    private readonly Dictionary<string, object> values = new(StringComparer.Ordinal);
    private readonly List<string> order = [];

    internal IEnumerable<(string Key, object Value)> Entries => order.Select(key => (key, values[key]));

    public bool Has(string key) => values.ContainsKey(key);

    public void Add(string key, uint value) => AddOnce(key, value);

    public void Add(string key, float value) => AddOnce(key, value);

    public void Add(string key, bool value) => AddOnce(key, value);

    public void Add(string key, string value) => AddOnce(key, value);

    public void Add(string key, string[] value) => AddOnce(key, value);

    public void Add(string key, int[] value) => AddOnce(key, value);

    public void Add(string key, float[] value) => AddOnce(key, value);

    /// <exception cref="BadInputException">The key is missing or holds something else.</exception>
    public string Text(string key) => FindText(key) ?? throw Missing(key);

    /// <summary>Null when the key is absent.</summary>
    /// <exception cref="BadInputException">The key holds something else.</exception>
    public string? FindText(string key) => Find<string>(key, "a string");

    /// <inheritdoc cref="FindText"/>
    public bool? FindBoolean(string key) => !values.TryGetValue(key, out var value) ? null
        : value is bool flag ? flag : throw Error(key, $"is {Shown(value)}, not a boolean");

    /// <exception cref="BadInputException">The key is missing or holds something else than an integer of that range.</exception>
    public int Integer(string key, int minimum, int maximum = int.MaxValue) => FindInteger(key, minimum, maximum) ?? throw Missing(key);

    /// <inheritdoc cref="FindText"/>
    public int? FindInteger(string key, int minimum, int maximum = int.MaxValue)
    {
        if (!values.TryGetValue(key, out var value)) return null;
        Int128? number = value switch
        {
            byte n => n,
            sbyte n => n,
            ushort n => n,
            short n => n,
            uint n => n,
            int n => n,
            ulong n => n,
            long n => n,
            _ => null,
        };
        return number >= minimum && number <= maximum
            ? (int)number
            : throw Error(key, $"is {Shown(value)}, not an integer from {minimum} to {maximum}");
    }

    /// <summary>Null when the key is absent. A single-precision number is taken for the shortest decimal that it stands for.</summary>
    /// <exception cref="BadInputException">The key holds something else than a finite number.</exception>
    public double? FindNumber(string key) => !values.TryGetValue(key, out var value) ? null : value switch
    {
        float n when float.IsFinite(n) => double.Parse(n.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture),
        double n when double.IsFinite(n) => n,
        float or double or bool or string or Array => throw Error(key, $"is {Shown(value)}, not a finite number"),
        _ => Convert.ToDouble(value, CultureInfo.InvariantCulture),
    };

    /// <inheritdoc cref="FindText"/>
    public string[]? FindTexts(string key) => Find<string[]>(key, "a list of strings");

    /// <inheritdoc cref="FindText"/>
    public int[]? FindIntegers(string key) => Find<int[]>(key, "a list of 32-bit integers");

    /// <inheritdoc cref="FindText"/>
    public float[]? FindNumbers(string key) => Find<float[]>(key, "a list of single-precision numbers");

    /// <param name="problem">Follows the key: "is ..., not ...".</param>
    public BadInputException Error(string key, string problem, string mend = "convert the model again") =>
        new($"{source}: '{key}' {problem}; {mend}.");

    internal bool Add(string key, object value)
    {
        if (!values.TryAdd(key, value)) return false;
        order.Add(key);
        return true;
    }

    private void AddOnce(string key, object value)
    {
        if (!Add(key, value)) throw new ArgumentException($"The key '{key}' is there already.", nameof(key));
    }

    private T? Find<T>(string key, string kind)
        where T : class => !values.TryGetValue(key, out var value) ? null
            : value as T ?? throw Error(key, $"is {Shown(value)}, not {kind}");

    private BadInputException Missing(string key) => Error(key, "is missing");

    private static string Shown(object value) => value switch
    {
        string text => $"\"{(text.Length > 60 ? text[..57] + "..." : text)}\"",
        Array array => $"a list of {array.Length} values",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
