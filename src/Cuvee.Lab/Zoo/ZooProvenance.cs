using System.Text.Json;

namespace Cuvee.Lab.Zoo;

/// <summary>How one artefact came to be, kept as zoo/provenance/NAME.json.</summary>
/// <param name="Losses">Mean training loss (nats per scored token) over each tenth of the steps.</param>
/// <param name="TrainTokens">Tokens processed, prompts included.</param>
internal sealed record ZooProvenance(
    string Name, string Fingerprint, string Sha256, ulong Seed, int Steps, long TrainTokens, int TrainRecords, IReadOnlyList<double> Losses,
    IReadOnlyList<string> DataSets)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    public static ZooProvenance? TryRead(string path) =>
        File.Exists(path) ? JsonSerializer.Deserialize<ZooProvenance>(File.ReadAllText(path), Json) : null;

    public void Write(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Formats.AtomicFile.WriteAllBytes(path, System.Text.Encoding.UTF8.GetBytes(JsonSerializer.Serialize(this, Json) + "\n"));
    }
}
