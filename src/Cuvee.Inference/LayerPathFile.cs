using Cuvee.Formats;
using Cuvee.Formats.Json;

namespace Cuvee.Inference;

/// <summary>
/// A path in a file: <c>{"models": ["a", "b"], "path": [{"model": 0, "layer": 3, "scale": 0.9}, ...]}</c>; model 0 and scale 1 may be
/// left out.
/// </summary>
/// <param name="File">Name, as given.</param>
/// <param name="Models">Folders; a relative one begins where the file lies.</param>
public sealed record LayerPathFile(string File, IReadOnlyList<string> Models, IReadOnlyList<PathStep> Steps)
{
    private static readonly JsonDocumentKind Kind = new("a path of layers", MaxBytes: 4 << 20, MaxDepth: 8, "correct it");

    /// <exception cref="BadInputException">No such file, not JSON, or a field is missing, unknown or out of range.</exception>
    public static LayerPathFile Read(string path)
    {
        if (!System.IO.File.Exists(path)) throw new BadInputException($"{path}: there is no such file; name a path of layers.");
        using var json = JsonFile.Read(path, Kind);
        json.Root.RequireOnly("models", "path");
        var beside = Path.GetDirectoryName(Path.GetFullPath(path))!;
        List<string> models = [.. json.Root["models"].Items().Select(model => Path.GetFullPath(Path.Combine(beside, model.Text())))];
        return new LayerPathFile(path, models, [.. json.Root["path"].Items().Select(Step)]);
    }

    private static PathStep Step(JsonField step)
    {
        step.RequireOnly("model", "layer", "scale");
        return new PathStep(step.Find("model")?.Integer(0) ?? 0, step["layer"].Integer(0), (float)(step.Find("scale")?.Number() ?? 1));
    }
}
