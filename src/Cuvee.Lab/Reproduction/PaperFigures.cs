using System.Text.Json;

namespace Cuvee.Lab.Reproduction;

/// <summary>What the paper reports for an experiment's rows (paper.json, the one place with its figures).</summary>
internal sealed class PaperFigures
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly Lazy<PaperDocument> Document = new(() =>
    {
        using var stream = typeof(PaperFigures).Assembly.GetManifestResourceStream("Cuvee.Lab.Reproduction.paper.json")!;
        return JsonSerializer.Deserialize<PaperDocument>(stream, Options)!;
    });

    private static readonly Dictionary<string, IReadOnlyList<double?>> None = [];

    private readonly IReadOnlyDictionary<string, IReadOnlyList<double?>> rows;

    private PaperFigures(
        IReadOnlyDictionary<string, IReadOnlyList<double?>> rows, IReadOnlyDictionary<string, IReadOnlyList<double?>> notRebuilt) =>
        (this.rows, NotRebuilt) = (rows, notRebuilt);

    public static string Source => Document.Value.Source;

    public static string Measure => Document.Value.Measure;

    public static IReadOnlyList<string> Models => Document.Value.Models;

    /// <summary>Names of the experiments that the paper has a table for.</summary>
    public static IEnumerable<string> Experiments => Document.Value.Tables.Keys;

    /// <summary>Rows that the paper has in that table.</summary>
    public IEnumerable<string> Rows => rows.Keys;

    /// <summary>Names and figures of rows of that table that this project does not rebuild.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double?>> NotRebuilt { get; }

    public bool IsEmpty => rows.Count == 0;

    /// <summary>Empty where the paper has no such table.</summary>
    public static PaperFigures Of(string experiment) => new(
        Document.Value.Tables.GetValueOrDefault(experiment) ?? None, Document.Value.NotRebuilt.GetValueOrDefault(experiment) ?? None);

    /// <returns>In percent, one a model of <see cref="Models"/>; null where the paper has no figure.</returns>
    public IReadOnlyList<double?>? Row(string row) => rows.GetValueOrDefault(row);

    private sealed record PaperDocument(
        string Source, string Measure, IReadOnlyList<string> Models,
        Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<double?>>> Tables,
        Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<double?>>> NotRebuilt);
}
