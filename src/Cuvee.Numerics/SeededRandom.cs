using System.Numerics;

namespace Cuvee.Numerics;

/// <summary>
/// xoshiro256** (Blackman and Vigna) seeded by SplitMix64: the only source of randomness in Cuvee. Same seed, same numbers, on every
/// platform. Not thread-safe; give each consumer its own with <see cref="Derive"/>.
/// </summary>
public sealed class SeededRandom
{
    private ulong s0, s1, s2, s3;
    private double spareGaussian;
    private bool hasSpareGaussian;

    public SeededRandom(ulong seed)
    {
        s0 = SplitMix(ref seed);
        s1 = SplitMix(ref seed);
        s2 = SplitMix(ref seed);
        s3 = SplitMix(ref seed);
    }

    private SeededRandom()
    {
    }

    /// <summary>An independent stream named by <paramref name="purpose"/>; does not advance any other stream.</summary>
    public static SeededRandom Derive(ulong seed, string purpose)
    {
        var hash = 14695981039346656037UL ^ seed; // FNV-1a over the purpose, offset by the seed
        foreach (var c in purpose) hash = (hash ^ c) * 1099511628211UL;
        return new SeededRandom(hash);
    }

    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(s1 * 5, 7) * 9;
        var t = s1 << 17;
        s2 ^= s0;
        s3 ^= s1;
        s1 ^= s2;
        s0 ^= s3;
        s2 ^= t;
        s3 = BitOperations.RotateLeft(s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, <paramref name="exclusiveMax"/>), without bias (Lemire's multiply and reject).</summary>
    public int NextInt32(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var range = (uint)exclusiveMax;
        var threshold = (0u - range) % range;
        while (true)
        {
            var product = (NextUInt64() >> 32) * range;
            if ((uint)product >= threshold) return (int)(product >> 32);
        }
    }

    /// <summary>Standard normal (Marsaglia's polar method).</summary>
    public double NextGaussian()
    {
        if (hasSpareGaussian)
        {
            hasSpareGaussian = false;
            return spareGaussian;
        }

        while (true)
        {
            var u = (2 * NextDouble()) - 1;
            var v = (2 * NextDouble()) - 1;
            var s = (u * u) + (v * v);
            if (s is >= 1 or 0) continue;
            var factor = Math.Sqrt(-2 * Math.Log(s) / s);
            spareGaussian = v * factor;
            hasSpareGaussian = true;
            return u * factor;
        }
    }

    /// <summary>Fisher-Yates.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static ulong SplitMix(ref ulong x)
    {
        var z = x += 0x9E3779B97F4A7C15UL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
