using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>A whole model folder with a recipe folded into its weights.</summary>
public static class FoldedModel
{
    // What a folded checkpoint needs beside config and weights, where the base has it.
    private static readonly string[] TokenizerFiles = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];

    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="BadInputException">The recipe does not fit the pool, or the pool not the base model.</exception>
    public static void Write(string modelFolder, RecipeMerger merger, MergeRecipe recipe, string folder, TensorType type)
    {
        var config = HuggingFaceModelReader.ReadConfig(modelFolder);
        var tensors = HuggingFaceModelReader.ReadWeights(modelFolder, config);
        using var team = new ThreadTeam();
        IReadOnlyList<TensorSource> folded;
        try
        {
            folded = FoldedCheckpoint.Fold(
                LlamaTensorLayout.Tensors(config).Select(tensor => (tensor.Name, tensor.Shape, tensors[tensor.Name])), merger, recipe, team);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"{modelFolder}: {exception.Message}", exception);
        }

        Directory.CreateDirectory(folder);
        HuggingFaceModelWriter.Write(folder, config, folded, type);
        foreach (var file in TokenizerFiles.Where(file => File.Exists(Path.Combine(modelFolder, file))))
            File.Copy(Path.Combine(modelFolder, file), Path.Combine(folder, file));
    }
}
