using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Forward;

namespace Cuvee.Inference.Tests.Engine;

public class RotaryTableTests
{
    public static TheoryData<int> HeadDims => [2, 6, 14, 16, 18, 32, 40, 48, 64, 80, 128];

    [Theory]
    [MemberData(nameof(HeadDims))]
    public void Rotate_EdgeHeadDims_TurnsAsInDoublesAndBack(int headDim)
    {
        const int heads = 3;
        int[] positions = [0, 1, 40, 7];
        var table = new RotaryTable(headDim, 10_000, new LinearRopeScaling(2));
        table.Reserve(41);
        var x = Enumerable.Range(0, positions.Length * heads * headDim).Select(i => MathF.Sin(i * 0.7f)).ToArray();
        var turned = (float[])x.Clone();
        table.Rotate(turned, heads, positions);
        for (var row = 0; row < positions.Length; row++)
        {
            for (var head = 0; head < heads; head++)
            {
                var at = ((row * heads) + head) * headDim;
                for (var i = 0; i < headDim / 2; i++)
                {
                    var (a, b) = ((double)x[at + i], (double)x[at + i + (headDim / 2)]);
                    var angle = positions[row] / 2.0 * Math.Pow(10_000, -2.0 * i / headDim);
                    Assert.Equal((a * Math.Cos(angle)) - (b * Math.Sin(angle)), turned[at + i], 3e-7);
                    Assert.Equal((b * Math.Cos(angle)) + (a * Math.Sin(angle)), turned[at + i + (headDim / 2)], 3e-7);
                }
            }
        }

        table.RotateBack(turned, heads, positions);
        for (var i = 0; i < x.Length; i++) Assert.Equal(x[i], turned[i], 3e-7f);
    }

    [Fact]
    public void Rotate_WhatDoesNotFit_IsRefused()
    {
        var table = new RotaryTable(8, 10_000, null);
        table.Reserve(4);
        Assert.Throws<ArgumentException>(() => table.Rotate(new float[15], 2, [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Rotate(new float[16], 2, [4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.RotateBack(new float[16], 2, [-1]));
    }
}
