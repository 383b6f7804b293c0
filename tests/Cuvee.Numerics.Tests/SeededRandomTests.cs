namespace Cuvee.Numerics.Tests;

public class SeededRandomTests
{
    [Fact]
    public void NextInt32_ManyDraws_IsUniform()
    {
        var random = new SeededRandom(1);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++) counts[random.NextInt32(7)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
    }
}
