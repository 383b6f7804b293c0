namespace Cuvee.Numerics.Tests;

public class TranspositionTests
{
    [Fact]
    public void Copy_EdgeSizes_ExchangesRowsAndColumnsAndWritesNothingElse()
    {
        foreach (var rows in new[] { 0, 1, 2, 3, 4, 5, 7, 8, 17 })
        {
            foreach (var columns in new[] { 0, 1, 3, 4, 5, 15, 16, 17, 35, 64 })
            {
                var (from, to) = (columns + 3, rows + 2);
                var source = Rows.Gaussian(rows * from);
                var target = Enumerable.Repeat(float.NaN, columns * to).ToArray();
                Transposition.Copy(rows, columns, source, from, target, to);
                for (var i = 0; i < columns; i++)
                {
                    for (var j = 0; j < to; j++)
                        Assert.Equal(j < rows ? source[(j * from) + i] : float.NaN, target[(i * to) + j]);
                }
            }
        }
    }

    [Fact]
    public void Copy_SpanTooShort_IsRefused()
    {
        Transposition.Copy(2, 3, new float[7], 4, new float[8], 3);
        Assert.Throws<ArgumentException>(() => Transposition.Copy(2, 3, new float[6], 4, new float[8], 3));
        Assert.Throws<ArgumentException>(() => Transposition.Copy(2, 3, new float[7], 4, new float[7], 3));
    }
}
