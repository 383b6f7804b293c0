using Cuvee.Numerics;

namespace Cuvee.Lab.RandomModels;

/// <summary>
/// Normal numbers by the billion: 16 random bits choose one of 65,536 draws. Each row of a tensor has a stream of its own, so that the
/// values do not depend on how many rows are asked for at once, nor on the threads that share them.
/// </summary>
internal sealed class GaussianRows(ulong seed, ThreadTeam team)
{
    private const int TableSize = 1 << 16;
    private const int FloatsAtOnce = 1 << 16; // of one thread's turn, at least one row

    private readonly float[] table = Draw(SeededRandom.Derive(seed, "gaussian-table"));

    /// <summary>Overwrites the rows from <paramref name="firstRow"/> on.</summary>
    /// <param name="name">The tensor's, which names its streams.</param>
    /// <param name="rows">[count, columns]</param>
    public void Fill(string name, int firstRow, int columns, double deviation, Memory<float> rows)
    {
        var tensor = SeededRandom.Derive(seed, name).NextUInt64();
        var count = rows.Length / columns;
        var each = Math.Max(1, FloatsAtOnce / columns);
        team.Run((count + each - 1) / each, item =>
        {
            for (var row = item * each; row < Math.Min(count, (item + 1) * each); row++)
                FillRow(new SeededRandom(tensor + (ulong)(firstRow + row)), (float)deviation, rows.Span.Slice(row * columns, columns));
        });
    }

    private static float[] Draw(SeededRandom random)
    {
        var values = new float[TableSize];
        for (var i = 0; i < values.Length; i++) values[i] = (float)random.NextGaussian();
        return values;
    }

    private void FillRow(SeededRandom random, float deviation, Span<float> row)
    {
        for (; row.Length >= 4; row = row[4..])
        {
            var bits = random.NextUInt64();
            row[0] = deviation * table[(ushort)bits];
            row[1] = deviation * table[(ushort)(bits >> 16)];
            row[2] = deviation * table[(ushort)(bits >> 32)];
            row[3] = deviation * table[(ushort)(bits >> 48)];
        }

        foreach (ref var value in row) value = deviation * table[(ushort)random.NextUInt64()];
    }
}
