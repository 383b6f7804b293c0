using System.Buffers;
using System.Runtime.InteropServices;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Inference;

/// <summary>
/// A whole model formed in memory that the next one reuses: fp32 up to 256 MiB of linear weights, bf16 beyond. Not thread-safe.
/// </summary>
/// <param name="team">Shares the work.</param>
public sealed class FormedWeights(LlamaConfig config, ThreadTeam team)
{
    private const int ElementsAtOnce = 1 << 15; // a piece of work; a sum that is narrowed stays in the second-level cache

    private readonly StorageFormat format = CandidateCopy.FormatOf(config);
    private readonly IReadOnlyList<(string Name, IReadOnlyList<int> Shape)> layout =
        [.. LlamaTensorLayout.Tensors(config).Select(tensor => (tensor.Name, tensor.Shape))];
    private readonly Dictionary<string, Formed> memory = new(StringComparer.Ordinal);

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
        var sources = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        var buffer = new float[1 << 20];
        foreach (var (name, shape) in layout)
        {
            if (!sources.TryGetValue(name, out var source))
                throw new BadInputException($"Tensor '{name}' is missing; use a model of the base's architecture.");
            Require(name, shape, source.Shape);
            var (target, columns) = (Of(name, shape), shape[^1]);
            var atOnce = Math.Clamp(buffer.Length / columns, 1, target.Rows);
            if (atOnce * columns > buffer.Length) buffer = new float[atOnce * columns];
            for (var first = 0; first < target.Rows; first += atOnce)
            {
                var rows = buffer.AsMemory(0, Math.Min(atOnce, target.Rows - first) * columns);
                source.Fill(first, rows);
                target.Write(first * columns, rows.Span);
            }
        }

        return Whole();
    }

    /// <summary>The base and a weighted sum of models' differences from it, in one pass over the stored weights: as fast as they can be
    /// read.</summary>
    /// <param name="models">By tensor name.</param>
    /// <param name="weights">By tensor name, one a model.</param>
    /// <returns>Valid until the next call.</returns>
    /// <exception cref="BadInputException">A tensor has another shape.</exception>
    public LlamaWeights Sum(
        IReadOnlyDictionary<string, StoredMatrix> start, IReadOnlyList<IReadOnlyDictionary<string, StoredMatrix>> models,
        IReadOnlyDictionary<string, float[]> weights)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var (name, shape) in layout)
        {
            var (target, own) = (Of(name, shape), weights[name]);
            var (sources, factors) = (new List<StoredMatrix> { start[name] }, new List<float> { 1 - own.Sum() });
            for (var i = 0; i < own.Length; i++)
            {
                if (own[i] == 0) continue;
                sources.Add(models[i][name]);
                factors.Add(own[i]);
            }

            foreach (var source in sources) Require(name, [target.Rows, target.Columns], [source.Rows, source.Columns]);
            var atOnce = Math.Clamp(ElementsAtOnce / target.Columns, 1, target.Rows);
            team.Run((target.Rows + atOnce - 1) / atOnce, item =>
            {
                var first = item * atOnce;
                var count = Math.Min(atOnce, target.Rows - first);
                target.Sum(CollectionsMarshal.AsSpan(sources), CollectionsMarshal.AsSpan(factors), first, count);
            });
        }

        return Whole();
    }

    private static void Require(string name, IReadOnlyList<int> shape, IReadOnlyList<int> own)
    {
        if (shape.SequenceEqual(own)) return;
        throw new BadInputException(
            $"Tensor '{name}' has shape [{string.Join(", ", own)}], not [{string.Join(", ", shape)}]; use a model of the base's " +
            "architecture.");
    }

    private LlamaWeights Whole() => LlamaWeights.FromTensors(
        config, layout.ToDictionary(tensor => tensor.Name, tensor => memory[tensor.Name].Matrix, StringComparer.Ordinal));

    private Formed Of(string name, IReadOnlyList<int> shape)
    {
        if (!memory.TryGetValue(name, out var formed))
            memory.Add(name, formed = new Formed(format, shape.Count == 1 ? 1 : shape[0], shape[^1]));
        return formed;
    }

    /// <summary>The memory of one tensor.</summary>
    private sealed class Formed
    {
        private readonly float[]? singles;
        private readonly ushort[]? halves; // bf16

        public Formed(StorageFormat format, int rows, int columns)
        {
            (Rows, Columns) = (rows, columns);
            if (format == StorageFormat.F32) Matrix = StoredMatrix.Over(rows, columns, singles = new float[checked(rows * columns)]);
            else Matrix = StoredMatrix.OverBFloat16(rows, columns, halves = new ushort[checked(rows * columns)]);
        }

        public int Rows { get; }

        public int Columns { get; }

        public StoredMatrix Matrix { get; }

        /// <summary>Rows of a weighted sum.</summary>
        public void Sum(ReadOnlySpan<StoredMatrix> sources, ReadOnlySpan<float> weights, int first, int count)
        {
            if (singles is not null)
            {
                StoredSum.Weighted(sources, weights, first, count, singles.AsSpan(first * Columns));
                return;
            }

            var scratch = ArrayPool<float>.Shared.Rent(count * Columns);
            StoredSum.Weighted(sources, weights, first, count, scratch);
            Write(first * Columns, scratch.AsSpan(0, count * Columns));
            ArrayPool<float>.Shared.Return(scratch);
        }

        public void Write(int first, ReadOnlySpan<float> values)
        {
            if (singles is not null) values.CopyTo(singles.AsSpan(first));
            else BFloat16.FromSingle(values, halves.AsSpan(first, values.Length));
        }
    }
}
