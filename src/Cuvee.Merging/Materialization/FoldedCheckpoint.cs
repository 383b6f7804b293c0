using Cuvee.Formats.Safetensors;

namespace Cuvee.Merging.Materialization;

/// <summary>Base weights plus a recipe's update: an ordinary checkpoint that needs no adapter.</summary>
public static class FoldedCheckpoint
{
    /// <summary>
    /// The base tensors in their order; adapted ones as new arrays, made one at a time while the result is enumerated, the others as they
    /// are.
    /// </summary>
    /// <param name="baseTensors">Key: on-disk name, such as <c>model.layers.0.mlp.up_proj.weight</c>, [out, in].</param>
    /// <exception cref="ArgumentException">The recipe does not fit the pool, or an adapted module is missing in the base or has another
    /// shape there.</exception>
    public static IEnumerable<TensorData> Fold(IEnumerable<TensorData> baseTensors, RecipeMerger merger, MergeRecipe recipe)
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

        return Tensors();

        IEnumerable<TensorData> Tensors()
        {
            foreach (var tensor in tensors)
            {
                if (!adapted.TryGetValue(tensor.Name, out var module))
                {
                    yield return tensor;
                    continue;
                }

                var folded = tensor.Values.ToArray();
                merger.AddTo(resolved, module, folded);
                yield return tensor with { Values = folded };
            }
        }
    }
}
