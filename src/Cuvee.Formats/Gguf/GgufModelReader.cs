using Cuvee.Formats.HuggingFace;
using Cuvee.Numerics;

namespace Cuvee.Formats.Gguf;

/// <summary>A decoder's configuration and weights out of a GGUF file, under Hugging Face's names and in its order of rows.</summary>
public static class GgufModelReader
{
    /// <summary>What the metadata and the names of the tensors say of the model.</summary>
    /// <exception cref="BadInputException">The model is none that the engine computes, or a key is missing or broken.</exception>
    public static LlamaConfig ReadConfig(GgufReader file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return GgufConfigKeys.Read(file);
    }

    /// <summary>
    /// All tensors of the model: [out, in] where they lie in the mapped file, vectors as one row. Of Llama's architecture the query and key
    /// projections are copies with their rows put back in order, about a tenth of the file or less.
    /// </summary>
    /// <returns>Key: on-disk name of <see cref="LlamaTensorLayout"/>.</returns>
    /// <exception cref="BadInputException">A tensor is missing, unexpected, of another shape or not finite.</exception>
    public static IReadOnlyDictionary<string, StoredMatrix> ReadWeights(GgufReader file, LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(config);
        var expected = LlamaTensorLayout.Shapes(config);
        var names = expected.Keys.ToDictionary(GgufTensorNames.FromTensor, name => name, StringComparer.Ordinal);
        HuggingFaceModelReader.Refuse(
            file.Path, "are missing; fetch the whole file", names.Keys.Where(name => !file.Tensors.ContainsKey(name)));
        HuggingFaceModelReader.Refuse(file.Path, "are unexpected in this architecture; use a plain model", file.Tensors.Keys.Where(
            name => !names.ContainsKey(name) && name != GgufTensorNames.RopeFactors));
        foreach (var (name, huggingFace) in names)
        {
            var shape = file.Tensors[name].Shape;
            if (!shape.SequenceEqual(expected[huggingFace]))
            {
                throw new BadInputException(
                    $"{file.Path}: tensor '{name}' has shape [{string.Join(", ", shape)}], but the metadata makes it " +
                    $"[{string.Join(", ", expected[huggingFace])}]; convert the model again.");
            }
        }

        var pairs = names.ToArray();
        var matrices = new StoredMatrix[pairs.Length];
        using var team = new ThreadTeam();
        team.Run(pairs.Length, i => matrices[i] = Read(file, config, pairs[i].Key, pairs[i].Value));
        return pairs.Zip(matrices).ToDictionary(pair => pair.First.Value, pair => pair.Second, StringComparer.Ordinal);
    }

    private static StoredMatrix Read(GgufReader file, LlamaConfig config, string name, string huggingFace)
    {
        var matrix = file.Matrix(name);
        if (matrix.IndexOfNotFinite() is >= 0 and var index)
        {
            throw new BadInputException(
                $"{file.Path}: tensor '{name}' holds NaN or infinity at index {index}; the weights are broken: fetch or convert them " +
                "again.");
        }

        if (GgufTensorNames.RowsOf(config, huggingFace[..huggingFace.LastIndexOf('.')]) is not { } rows) return matrix;
        var order = GgufTensorNames.Invert(rows);
        if (matrix.Rows > 1) return matrix.Gather(order);
        var bias = matrix.ToSingles();
        return StoredMatrix.Over(1, bias.Length, [.. order.Select(row => bias[row])]);
    }
}
