using Cuvee.Formats;
using Cuvee.Formats.Safetensors;
using Cuvee.Merging.Methods;
using Cuvee.Numerics;

namespace Cuvee.Merging.Checkpoints;

/// <summary>
/// Merges whole checkpoints tensor by tensor while the result is written. In memory are some pieces of a tensor, a few megabytes, whatever
/// the models' size; of a method that does not take pieces (<see cref="IMergeMethod.AllowsPieces"/>) the sources of one tensor in fp32.
/// </summary>
/// <remarks>
/// To a method a tensor is the pool and its pieces are the modules: what it measures in <see cref="IMergeMethod.Prepare"/> is measured over
/// the tensor. Random numbers go with seed, method, tensor, piece and model, not with threads: same seed, same bytes.
/// </remarks>
public static class CheckpointMerger
{
    private const int PiecesAThread = 8; // formed at once, so that threads seldom wait for each other

    /// <summary>The tensors in the order given, each formed piece by piece as its rows are asked for.</summary>
    /// <param name="team">Shares the pieces.</param>
    /// <exception cref="BadInputException">A source is missing or has another shape than the rest.</exception>
    public static IReadOnlyList<TensorSource> Merge(
        IEnumerable<MergedTensor> tensors, ThreadTeam team, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(team);
        return [.. tensors.Select(tensor =>
        {
            var shape = ShapeOf(tensor);
            if (!First(tensor).Entry.Type.IsFloat()) return Copy(tensor, shape);
            Formation? formation = null;
            return new TensorSource(tensor.Name, shape, (firstRow, rows) =>
            {
                if (firstRow == 0) formation = new Formation(tensor, new TensorPieces(tensor, shape, cancellationToken), team);
                if (!formation!.Fill(rows)) formation = null; // the memory of a finished tensor is free for the next one
            });
        })];
    }

    private static (TensorPlace Place, TensorEntry Entry) First(MergedTensor tensor)
    {
        var place = tensor.Base ?? tensor.Sources[0];
        return (place, place.Checkpoint.Find(place.Name)!);
    }

    /// <summary>Whole numbers are no weights. Counters may differ; of others a difference means that they are, quantized ones.</summary>
    private static TensorSource Copy(MergedTensor tensor, IReadOnlyList<int> shape)
    {
        var (first, entry) = First(tensor);
        void CopyTo(Stream stream)
        {
            if (shape.Count > 0 && tensor.Sources.FirstOrDefault(
                place => !first.Checkpoint.HoldsBytesOf(first.Name, place.Checkpoint, place.Name)) is { } other)
            {
                throw new BadInputException(
                    $"{other.Checkpoint.Folder}: tensor '{other.Name}' has dtype {entry.Type.DtypeName()} and differs from that of " +
                    $"{first.Checkpoint.Folder}, but whole numbers are copied, not merged; merge models that are not quantized.");
            }

            first.Checkpoint.CopyTo(first.Name, stream);
        }

        return new TensorSource(tensor.Name, shape, (_, _) => throw new NotSupportedException()) { Stored = new(entry.Type, CopyTo) };
    }

    private static IReadOnlyList<int> ShapeOf(MergedTensor tensor)
    {
        IReadOnlyList<int>? shape = null;
        var first = tensor.Base ?? tensor.Sources[0];
        foreach (var place in tensor.Sources.Prepend(first))
        {
            var entry = place.Checkpoint.Find(place.Name) ?? throw new BadInputException(
                $"{place.Checkpoint.Folder}: tensor '{place.Name}' is missing, though '{tensor.Name}' needs it; merge models of one " +
                "architecture.");
            shape ??= entry.Shape;
            if (shape.SequenceEqual(entry.Shape)) continue;
            throw new BadInputException(
                $"{place.Checkpoint.Folder}: tensor '{place.Name}' has shape [{string.Join(", ", entry.Shape)}] but " +
                $"[{string.Join(", ", shape)}] in {first.Checkpoint.Folder}; merge models of one architecture and vocabulary.");
        }

        return shape!;
    }

    /// <summary>One tensor on its way: pieces are formed some at a time and handed out row by row.</summary>
    private sealed class Formation
    {
        private readonly TensorPieces pieces;
        private readonly ModuleMerge merge;
        private readonly ThreadTeam team;
        private readonly bool addsToBase;
        private readonly float[] formed;
        private readonly int atOnce;
        private int next; // piece
        private int position;
        private int available;

        public Formation(MergedTensor tensor, TensorPieces pieces, ThreadTeam team)
        {
            (this.pieces, this.team, addsToBase) = (pieces, team, tensor.Base is not null);
            merge = tensor.Method.Prepare(pieces, tensor.Arguments);
            atOnce = Math.Min(Math.Min(PiecesAThread * team.Threads, pieces.Count), Array.MaxLength / Math.Max(1, pieces.Elements));
            formed = new float[atOnce * pieces.Elements];
        }

        /// <returns>Whether there is more.</returns>
        public bool Fill(Memory<float> rows)
        {
            while (rows.Length > 0)
            {
                if (position == available) FormNext();
                var count = Math.Min(rows.Length, available - position);
                formed.AsMemory(position, count).CopyTo(rows);
                position += count;
                rows = rows[count..];
            }

            return position < available || next < pieces.Count;
        }

        private void FormNext()
        {
            var first = next;
            var count = Math.Min(atOnce, pieces.Count - first);
            team.Run(count, i =>
            {
                var merged = formed.AsSpan(i * pieces.Elements, pieces.Length(first + i));
                var start = new float[merged.Length];
                merge(pieces.Read(first + i, start), merged);
                if (!addsToBase) return; // adding zeros would turn -0 into +0
                for (var j = 0; j < merged.Length; j++) merged[j] += start[j];
            });
            next += count;
            position = 0;
            available = ((count - 1) * pieces.Elements) + pieces.Length(next - 1);
        }
    }
}
