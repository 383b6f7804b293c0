using System.Text;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Numerics;

namespace Cuvee.Hosting.Embedded;

/// <summary>A whole model folder with a recipe folded into its weights.</summary>
public static class FoldedModel
{
    /// <param name="model">A Hugging Face folder or a GGUF file; the result is a folder.</param>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <exception cref="BadInputException">The recipe does not fit the pool, or the pool not the base model.</exception>
    public static void Write(
        ModelFolder model, RecipeMerger merger, MergeRecipe recipe, string folder, TensorType type,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(merger);
        var tensors = model.ReadTensors();
        // Head and embedding part where one of them is adapted.
        var parts = model.Config.TieWordEmbeddings
            && merger.ModuleNames.Any(name => name is LlamaTensorLayout.EmbedTokensModule or LlamaTensorLayout.LmHeadModule);
        var config = parts ? model.Config with { TieWordEmbeddings = false } : model.Config;
        StoredMatrix Source(string name) => tensors[parts && name == LlamaTensorLayout.LmHead ? LlamaTensorLayout.EmbedTokens : name];
        using var team = new ThreadTeam();
        IReadOnlyList<TensorSource> folded;
        try
        {
            folded = FoldedCheckpoint.Fold(
                LlamaTensorLayout.Tensors(config).Select(tensor => (tensor.Name, tensor.Shape, Source(tensor.Name))), merger, recipe, team,
                cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"{model.Path}: {exception.Message}", exception);
        }

        Directory.CreateDirectory(folder);
        HuggingFaceModelWriter.Write(folder, config, folded, type);
        if (model.IsGguf)
        {
            model.Tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
            if (model.Chat.Template is { } template)
                AtomicFile.WriteAllBytes(Path.Combine(folder, "chat_template.jinja"), Encoding.UTF8.GetBytes(template));
            return;
        }

        TokenizerFiles.Copy(model.Path, folder);
    }
}
