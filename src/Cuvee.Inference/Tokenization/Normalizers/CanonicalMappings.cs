using System.Globalization;

namespace Cuvee.Inference.Tokenization.Normalizers;

/// <summary>
/// The Unicode data of canonical normalization (UAX #15), read once from an embedded table. The runtime's own <c>string.Normalize</c> needs
/// ICU: with <c>InvariantGlobalization</c>, which this program sets, it returns its input unchanged.
/// </summary>
internal sealed class CanonicalMappings
{
    private const string ResourceName = "canonical-mappings.txt";

    private static readonly Lazy<CanonicalMappings> Loaded = new(Load);

    private readonly Dictionary<int, (int First, int? Second)> _decompositions = [];
    private readonly Dictionary<(int First, int Second), int> _compositions = [];
    private readonly Dictionary<int, byte> _classes = [];
    private readonly HashSet<int> _composableSeconds = [];
    private readonly HashSet<int> _excluded = [];

    private CanonicalMappings()
    {
    }

    public static CanonicalMappings Instance => Loaded.Value;

    /// <summary>The canonical combining class, 0 for a starter.</summary>
    public int ClassOf(int scalar) => _classes.GetValueOrDefault(scalar);

    public bool TryDecompose(int scalar, out (int First, int? Second) parts) => _decompositions.TryGetValue(scalar, out parts);

    public bool TryCompose(int first, int second, out int composed) => _compositions.TryGetValue((first, second), out composed);

    /// <summary>False when the scalar can neither change in NFC nor combine with what stands before it (Hangul jamo aside).</summary>
    public bool MayChange(int scalar) => _excluded.Contains(scalar) || _composableSeconds.Contains(scalar) || _classes.ContainsKey(scalar);

    private static CanonicalMappings Load()
    {
        using var stream = typeof(CanonicalMappings).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"The assembly lacks its resource {ResourceName}.");
        using var reader = new StreamReader(stream);
        var mappings = new CanonicalMappings();
        while (reader.ReadLine() is { } line)
            mappings.Add(line.Split(' '));
        foreach (var (composed, (first, second)) in mappings._decompositions)
        {
            if (second is not { } last || mappings._excluded.Contains(composed))
                continue;
            mappings._compositions.Add((first, last), composed);
            mappings._composableSeconds.Add(last);
        }

        return mappings;
    }

    /// <param name="fields">A line of the table; its format is stated in the generator beside it.</param>
    private void Add(string[] fields)
    {
        switch (fields[0])
        {
            case "D":
                _decompositions.Add(Scalar(fields[1]), (Scalar(fields[2]), fields.Length > 3 ? Scalar(fields[3]) : null));
                break;
            case "X":
                _excluded.Add(Scalar(fields[1]));
                break;
            case "C":
                for (var scalar = Scalar(fields[2]); scalar <= Scalar(fields[3]); scalar++)
                    _classes.Add(scalar, byte.Parse(fields[1], CultureInfo.InvariantCulture));
                break;
        }
    }

    private static int Scalar(string field) => int.Parse(field, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
