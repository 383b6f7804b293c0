using Cuvee.Formats.Safetensors;
using Cuvee.Numerics;

namespace Cuvee.Merging.Materialization;

/// <summary>Base weights plus a recipe's update: an ordinary checkpoint that needs no adapter.</summary>
public static class FoldedCheckpoint
{
    /// <summary>The base's tensors, formed row by row as they are asked for; adapted ones with the recipe's update added.</summary>
    /// <param name="baseTensors">On-disk name, such as <c>model.layers.0.mlp.up_proj.weight</c>, shape, and values; [out, in], vectors as
    /// one row.</param>
    /// <param name="team">Shares the rows.</param>
    /// <exception cref="ArgumentException">The recipe does not fit the pool, or an adapted module is missing in the base or has another
    /// shape there.</exception>
    public static IReadOnlyList<TensorSource> Fold(
        IEnumerable<(string Name, IReadOnlyList<int> Shape, StoredMatrix Values)> baseTensors, RecipeMerger merger, MergeRecipe recipe,
        ThreadTeam team, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(baseTensors);
        ArgumentNullException.ThrowIfNull(merger);
        var resolved = merger.Resolve(recipe);
        var tensors = baseTensors.ToList();
        var shapes = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        var adapted = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var module in merger.ModuleNames)
        {
            if (!shapes.TryGetValue(module + ".weight", out var shape))
            {
                throw new ArgumentException($"The pool adapts module {module}, which the base model does not have; use the base that it " +
                    "was trained on.");
            }

            var (outFeatures, inFeatures) = merger.ShapeOf(module);
            if (!shape.SequenceEqual([outFeatures, inFeatures]))
            {
                throw new ArgumentException($"Module {module} is [{outFeatures}, {inFeatures}] in the pool but " +
                    $"[{string.Join(", ", shape)}] in the base model; use the base that it was trained on.");
            }

            adapted.Add(module + ".weight", module);
        }

        var update = new ModuleUpdate();
        var prepared = "";
        return [.. tensors.Select(tensor => new TensorSource(tensor.Name, tensor.Shape, (firstRow, rows) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!adapted.TryGetValue(tensor.Name, out var module))
            {
                tensor.Values.ReadRows(firstRow, rows.Length / tensor.Values.Columns, rows.Span);
                return;
            }

            if (prepared != module) merger.Prepare(update, resolved, prepared = module);
            FillRows(tensor.Values, update, firstRow, rows, team);
        }))];
    }

    private static void FillRows(StoredMatrix weight, ModuleUpdate update, int firstRow, Memory<float> rows, ThreadTeam team)
    {
        var columns = weight.Columns;
        var count = rows.Length / columns;
        var each = Math.Max(1, (count + (4 * team.Threads) - 1) / (4 * team.Threads));
        team.Run((count + each - 1) / each, item =>
        {
            var taken = Math.Min(each, count - (item * each));
            var part = rows.Span.Slice(item * each * columns, taken * columns);
            weight.ReadRows(firstRow + (item * each), taken, part);
            update.AddRows(firstRow + (item * each), part);
        });
    }
}
