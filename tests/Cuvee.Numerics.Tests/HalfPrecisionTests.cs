namespace Cuvee.Numerics.Tests;

public class HalfPrecisionTests
{
    [Fact]
    public void ToSingle_EveryPattern_IsTheFloat()
    {
        var bits = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        var halves = bits.Select(BitConverter.UInt16BitsToHalf).ToArray();
        var floats = new float[65536];
        Float16.ToSingle(halves, floats);
        for (var i = 0; i < bits.Length; i++) Assert.Equal((float)halves[i], floats[i]);
        BFloat16.ToSingle(bits, floats);
        for (var i = 0; i < bits.Length; i++)
            Assert.Equal((uint)bits[i] << 16, BitConverter.SingleToUInt32Bits(floats[i]));
    }

    [Fact]
    public void FromSingle_TiesEdgesAndRandomBits_RoundsAsTheScalarCast()
    {
        var random = new SeededRandom(1);
        var floats = new List<float>
        {
            65519.99f, 65520f, -65520f, 65504f, 5.9604645e-8f, 2.9802322e-8f, 2.9802326e-8f, float.NaN, -float.NaN,
        };
        for (var i = 0; i < 65536; i++)
        {
            var exact = (float)BitConverter.UInt16BitsToHalf((ushort)i);
            floats.AddRange([exact, MathF.BitIncrement(exact), MathF.BitDecrement(exact)]);
            floats.Add((exact + (float)BitConverter.UInt16BitsToHalf((ushort)(i + 1))) / 2); // the tie between neighbours
            floats.Add(BitConverter.UInt32BitsToSingle((uint)random.NextUInt64()));
            floats.Add(BitConverter.UInt32BitsToSingle(((uint)i << 16) | 0x8000)); // bfloat16's tie
        }

        var source = floats.ToArray();
        var halves = new Half[source.Length];
        var brains = new ushort[source.Length];
        Float16.FromSingle(source, halves);
        BFloat16.FromSingle(source, brains);
        for (var i = 0; i < source.Length; i++)
        {
            if (float.IsNaN(source[i]))
            {
                Assert.True(Half.IsNaN(halves[i]));
                Assert.True(float.IsNaN(BFloat16.ToSingle(brains[i])));
                continue;
            }

            if (BitConverter.HalfToUInt16Bits((Half)source[i]) != BitConverter.HalfToUInt16Bits(halves[i])
                || BFloat16.FromSingle(source[i]) != brains[i])
                Assert.Fail($"{source[i]:R} became {halves[i]} and 0x{brains[i]:X4}.");
        }
    }

    [Fact]
    public void Spans_EveryRemainder_MatchTheScalar()
    {
        for (var n = 0; n < 50; n++)
        {
            var x = Rows.Gaussian(n);
            var (halves, brains, back) = (new Half[n], new ushort[n], new float[n]);
            Float16.FromSingle(x, halves);
            Assert.Equal(x.Select(value => (Half)value), halves);
            Float16.ToSingle(halves, back);
            Assert.Equal(x.Select(value => (float)(Half)value), back);
            BFloat16.FromSingle(x, brains);
            Assert.Equal(x.Select(BFloat16.FromSingle), brains);
            BFloat16.ToSingle(brains, back);
            Assert.Equal(brains.Select(BFloat16.ToSingle), back);
        }
    }

    [Theory]
    [InlineData(1f, 0x3F80)]
    [InlineData(1.00390625f, 0x3F80)] // 1 + 2^-8: a tie, to even
    [InlineData(1.01171875f, 0x3F82)] // 1 + 3 * 2^-8: a tie, to even
    [InlineData(-2f, 0xC000)]
    [InlineData(float.MaxValue, 0x7F80)]
    public void BFloat16_KnownValues_HaveTheseBits(float value, int bits) => Assert.Equal((ushort)bits, BFloat16.FromSingle(value));
}
