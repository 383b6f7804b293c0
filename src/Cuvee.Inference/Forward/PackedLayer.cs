using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Inference.Forward;

/// <summary>
/// The linear weights of one block in the order in which the matrix product reads them, formed a few rows at a time from the stored base
/// and the candidate's update. The memory is reused from layer to layer.
/// </summary>
internal sealed class PackedLayer
{
    private const int ScratchFloats = 1 << 17; // 512 KiB: rows while they are formed stay in the second-level cache

    private readonly PackedMatrix[] linears; // in the order of LlamaConfig.LinearModules
    private readonly (int Linear, int FirstPanel, int Panels)[] items;

    public PackedLayer(LlamaConfig config)
    {
        var modules = config.LinearModules;
        linears = [.. modules.Select(_ => new PackedMatrix())];
        var all = new List<(int, int, int)>();
        for (var linear = 0; linear < modules.Count; linear++)
        {
            var panels = (modules[linear].OutFeatures + PackedMatrix.PanelColumns - 1) / PackedMatrix.PanelColumns;
            var atOnce = Math.Clamp(ScratchFloats / (modules[linear].InFeatures * PackedMatrix.PanelColumns), 1, 4);
            for (var first = 0; first < panels; first += atOnce) all.Add((linear, first, Math.Min(atOnce, panels - first)));
        }

        items = [.. all];
    }

    /// <summary>Independent parts of a layer's forming.</summary>
    public int Items => items.Length;

    /// <summary>The base's bytes, mapped and widened; set by <see cref="Begin"/>.</summary>
    public LlamaLayerWeights Source { get; private set; } = null!;

    public PackedMatrix this[int linear] => linears[linear];

    /// <summary>Called once before the items of a layer.</summary>
    public void Begin(LlamaLayerWeights source)
    {
        Source = source;
        for (var i = 0; i < linears.Length; i++) linears[i].Reserve(source.Linears[i].Columns, source.Linears[i].Rows);
    }

    /// <param name="scratch">The calling thread's own.</param>
    public void Form(int item, int layer, ILinearUpdate? update, FloatBuffer scratch)
    {
        var (linear, firstPanel, panels) = items[item];
        var (weight, packed, width) = (Source.Linears[linear], linears[linear], PackedMatrix.PanelColumns);
        if (update?.Adapts(layer, linear) != true)
        {
            for (var i = firstPanel; i < firstPanel + panels; i++) packed.PackPanel(i, weight, i * width);
            return;
        }

        var firstRow = firstPanel * width;
        var rows = scratch.Reserve(panels * width * (long)weight.Columns)
            .Slice(0, Math.Min(panels * width, weight.Rows - firstRow) * weight.Columns);
        weight.ReadRows(firstRow, rows.Length / weight.Columns, rows);
        update.AddRows(linear, firstRow, rows);
        for (var i = firstPanel; rows.Length > 0; i++)
        {
            var taken = Math.Min(width * weight.Columns, rows.Length);
            packed.PackPanel(i, rows[..taken]);
            rows = rows[taken..];
        }
    }
}
