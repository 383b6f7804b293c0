using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// A whole model formed tensor by tensor, in memory that the next one reuses: fp32 up to 256 MiB of linear weights, bf16 beyond. Not
/// thread-safe.
/// </summary>
public sealed class FormedWeights(LlamaConfig config)
{
    private const int ElementsAtOnce = 1 << 20;

    private readonly StorageFormat format = CandidateCopy.FormatOf(config);
    private readonly Dictionary<string, (Array Values, StoredMatrix Matrix)> memory = new(StringComparer.Ordinal);

    /// <summary>What it takes, in bytes.</summary>
    public static long Bytes(LlamaConfig config) => LlamaTensorLayout.Tensors(config)
        .Sum(tensor => tensor.Shape.Aggregate(1L, (count, dimension) => count * dimension))
        * (CandidateCopy.FormatOf(config) == StorageFormat.F32 ? sizeof(float) : sizeof(ushort));

    /// <param name="tensors">At least those of <see cref="LlamaTensorLayout"/>, each once; others are left out.</param>
    /// <returns>Valid until the next call.</returns>
    /// <exception cref="BadInputException">A tensor is missing or of another shape.</exception>
    public LlamaWeights Form(IEnumerable<TensorSource> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var shapes = LlamaTensorLayout.Tensors(config).ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        var matrices = new Dictionary<string, StoredMatrix>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!shapes.Remove(tensor.Name, out var shape)) continue;
            if (!shape.SequenceEqual(tensor.Shape))
            {
                throw new BadInputException(
                    $"Tensor '{tensor.Name}' has shape [{string.Join(", ", tensor.Shape)}], not [{string.Join(", ", shape)}]; use a model " +
                    "of the base's architecture.");
            }

            matrices.Add(tensor.Name, Fill(tensor));
        }

        return shapes.Count == 0 ? LlamaWeights.FromTensors(config, matrices) : throw new BadInputException(
            $"Tensor '{shapes.Keys.Order(StringComparer.Ordinal).First()}' is missing; use a model of the base's architecture.");
    }

    private StoredMatrix Fill(TensorSource tensor)
    {
        var (rows, columns) = tensor.Shape.Count == 1 ? (1, tensor.Shape[0]) : (tensor.Shape[0], tensor.Shape[1]);
        if (!memory.TryGetValue(tensor.Name, out var own))
        {
            if (format == StorageFormat.F32)
            {
                var singles = new float[checked(rows * columns)];
                own = (singles, StoredMatrix.Over(rows, columns, singles));
            }
            else
            {
                var halves = new ushort[checked(rows * columns)];
                own = (halves, StoredMatrix.OverBFloat16(rows, columns, halves));
            }

            memory.Add(tensor.Name, own);
        }

        if (own.Values is float[] whole)
        {
            tensor.Fill(0, whole);
            return own.Matrix;
        }

        var target = (ushort[])own.Values;
        var atOnce = Math.Clamp(ElementsAtOnce / columns, 1, rows);
        var buffer = new float[atOnce * columns];
        for (var first = 0; first < rows; first += atOnce)
        {
            var part = buffer.AsMemory(0, Math.Min(atOnce, rows - first) * columns);
            tensor.Fill(first, part);
            BFloat16.FromSingle(part.Span, target.AsSpan(first * columns, part.Length));
        }

        return own.Matrix;
    }
}
