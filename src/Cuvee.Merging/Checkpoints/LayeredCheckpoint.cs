using System.Text.RegularExpressions;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;

namespace Cuvee.Merging.Checkpoints;

/// <summary>A checkpoint whose tensors are told apart by layer: the number in their names, as in <c>model.layers.7.norm</c>.</summary>
public sealed partial class LayeredCheckpoint : IDisposable
{
    // Tensors outside of layers that come before the first one; the others, norm and head, come after the last.
    private static readonly string[] Embeddings = ["embed_tokens", "embed_in", "word_embeddings", "wte", "wpe"];

    private readonly string stem = "";
    private readonly IReadOnlyList<string> outer; // tensors of no layer, ordinal

    private LayeredCheckpoint(CheckpointReader reader)
    {
        Reader = reader;
        var names = reader.TensorNames.Where(name => !name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)).ToList();
        var numbered = names.Select(name => (Name: name, Match: Numbered().Match(name))).Where(name => name.Match.Success)
            .GroupBy(name => name.Match.Groups[1].Value).ToList();
        if (numbered is [var only])
        {
            var layers = only.GroupBy(name => int.TryParse(name.Match.Groups[2].Value, out var number) ? number : int.MaxValue)
                .OrderBy(layer => layer.Key).ToList();
            if (layers.Select(layer => layer.Key).SequenceEqual(Enumerable.Range(0, layers.Count)))
            {
                stem = only.Key;
                Layers = [.. layers.Select(layer => layer.Select(name => name.Match.Groups[3].Value).ToList())];
                names.RemoveAll(name => Numbered().IsMatch(name));
            }
        }

        outer = names;
    }

    public CheckpointReader Reader { get; }

    /// <summary>Names below each layer, ordinal; empty where the tensors are not one list of numbered layers.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Layers { get; } = [];

    /// <exception cref="BadInputException">As <see cref="CheckpointReader.Open"/> says.</exception>
    public static LayeredCheckpoint Open(string folder) => new(CheckpointReader.Open(folder));

    /// <summary>Whether a tensor of no layer comes before the first one.</summary>
    public static bool IsEmbedding(string name) => Embeddings.Any(part => name.Contains(part, StringComparison.Ordinal));

    /// <summary>Tensors of no layer that go into a merge, ordinal.</summary>
    /// <param name="tied">Whether the merge's head is its embedding: a head stored beside the embedding is left out.</param>
    /// <exception cref="BadInputException">The head to leave out is not tied to the embedding.</exception>
    public IReadOnlyList<string> OuterOf(bool tied)
    {
        if (!tied || Reader.Find(LlamaTensorLayout.LmHead) is not { } head) return outer;
        if (!outer.Any(name => IsEmbedding(name) && Reader.Find(name)!.Shape.SequenceEqual(head.Shape))) return outer;
        if (HuggingFaceModelReader.TiesHead(Reader.Folder)) return [.. outer.Where(name => name != LlamaTensorLayout.LmHead)];
        throw new BadInputException(
            $"{Reader.Folder}: stores a head of its own, '{LlamaTensorLayout.LmHead}', which the merge would lose, as its config.json is " +
            "that of a model with 'tie_word_embeddings': true; merge models that agree in it.");
    }

    /// <param name="layer">From 0.</param>
    /// <param name="below">One of that layer's names.</param>
    public string NameOf(int layer, string below) => $"{stem}.{layer}.{below}";

    public void Dispose() => Reader.Dispose();

    [GeneratedRegex(@"^(.+?)\.([0-9]+)\.(.+)$")]
    private static partial Regex Numbered();
}
