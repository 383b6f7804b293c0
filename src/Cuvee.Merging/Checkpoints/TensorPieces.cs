using System.Collections;
using Cuvee.Formats;
using Cuvee.Merging.Methods;

namespace Cuvee.Merging.Checkpoints;

/// <summary>
/// The task vectors of one tensor as a pool of pieces, whole rows of it one behind the other; a single piece for a method that does not
/// take pieces. They are read as they are asked for and small enough not to be large objects to the garbage collector.
/// </summary>
internal sealed class TensorPieces : IEnumerable<TaskVectors>
{
    private const int PieceElements = 1 << 14; // at least one row

    private readonly MergedTensor tensor;
    private readonly int rows;
    private readonly int columns; // a vector is one row
    private readonly int rowsAtOnce;
    private readonly bool isMatrix;

    private readonly CancellationToken cancellationToken; // looked at before each piece

    public TensorPieces(MergedTensor tensor, IReadOnlyList<int> shape, CancellationToken cancellationToken)
    {
        (this.tensor, this.cancellationToken) = (tensor, cancellationToken);
        isMatrix = shape.Count == 2;
        columns = shape.Count == 0 ? 1 : shape[^1];
        var allRows = shape.Contains(0) ? 0 : shape.SkipLast(1).Aggregate(1L, (count, dimension) => checked(count * dimension));
        rows = allRows <= int.MaxValue ? (int)allRows : throw TooLarge($"{allRows} rows", int.MaxValue, "a smaller model");
        rowsAtOnce = tensor.Method.AllowsPieces ? Math.Clamp(PieceElements / Math.Max(1, columns), 1, Math.Max(1, rows)) : rows;
        if ((long)rowsAtOnce * columns > Array.MaxLength)
        {
            throw TooLarge(
                $"{(long)rows * columns} elements", Array.MaxLength, "a method that takes tensors in pieces, such as task-arithmetic");
        }
    }

    public int Count => rows == 0 || columns == 0 ? 0 : (rows + rowsAtOnce - 1) / rowsAtOnce;

    /// <summary>Elements of the largest piece, which all but the last one are.</summary>
    public int Elements => rowsAtOnce * columns;

    /// <param name="start">Gets what the merged update is added to: the base's values, or zeros.</param>
    public TaskVectors Read(int piece, Span<float> start)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var firstRow = piece * rowsAtOnce;
        var first = (long)firstRow * columns;
        if (tensor.Base is { } origin) origin.Checkpoint.Read(origin.Name, first, start);
        else start.Clear();
        var deltas = new ReadOnlyMemory<float>[tensor.Sources.Count];
        for (var i = 0; i < deltas.Length; i++)
        {
            var values = new float[start.Length];
            tensor.Sources[i].Checkpoint.Read(tensor.Sources[i].Name, first, values);
            if (tensor.Base is not null)
            {
                for (var j = 0; j < values.Length; j++) values[j] -= start[j];
            }

            deltas[i] = values;
        }

        // A piece's random numbers go with its name.
        return new TaskVectors($"{tensor.Name}@{firstRow}", start.Length / columns, columns, deltas) { IsMatrix = isMatrix };
    }

    private BadInputException TooLarge(string size, int limit, string mend)
    {
        var (checkpoint, name) = tensor.Base ?? tensor.Sources[0];
        return new BadInputException(
            $"{checkpoint.Folder}: tensor '{name}' has {size}, and {tensor.Method.Name} takes {limit} at a time; use {mend}.");
    }

    /// <summary>Elements of one piece.</summary>
    public int Length(int piece) => Math.Min(rowsAtOnce, rows - (piece * rowsAtOnce)) * columns;

    public IEnumerator<TaskVectors> GetEnumerator()
    {
        var start = new float[Elements];
        for (var piece = 0; piece < Count; piece++) yield return Read(piece, start.AsSpan(0, Length(piece)));
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
