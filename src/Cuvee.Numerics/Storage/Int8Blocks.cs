using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>Conversions of Q8_0 blocks: one fp16 scale and 32 signed bytes each.</summary>
internal static unsafe class Int8Blocks
{
    private const int Elements = StorageFormats.BlockElements;

    /// <param name="source">Whole blocks, any alignment.</param>
    /// <param name="target">[blocks * 32]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(byte* source, Span<float> target)
    {
        fixed (float* start = target)
        {
            var to = start;
            for (var block = 0; block < target.Length / Elements; block++, source += StorageFormats.BlockBytes, to += Elements)
            {
                var scale = (float)Unsafe.ReadUnaligned<Half>(source);
                var bytes = (sbyte*)source + sizeof(ushort);
                var i = 0;
                for (; LaneWidth.Is256 && i < Elements; i += 16)
                {
                    var (low, high) = Vector256.Widen(Vector256.WidenLower(Vector128.Load(bytes + i).ToVector256Unsafe()));
                    (Vector256.ConvertToSingle(low) * scale).Store(to + i);
                    (Vector256.ConvertToSingle(high) * scale).Store(to + i + 8);
                }

                for (; i < Elements; i++) to[i] = scale * bytes[i];
            }
        }
    }

    /// <summary>Largest magnitude over 127 as fp16 scale, then nearest bytes, ties to even; equal blocks give equal bytes.</summary>
    /// <param name="source">[blocks * 32], finite.</param>
    /// <param name="target">[blocks * 34] bytes.</param>
    public static void FromSingle(ReadOnlySpan<float> source, Span<byte> target)
    {
        for (; source.Length > 0; source = source[Elements..], target = target[StorageFormats.BlockBytes..])
        {
            var largest = 0f;
            foreach (var value in source[..Elements]) largest = Math.Max(largest, Math.Abs(value));
            var scale = largest / 127;
            Unsafe.WriteUnaligned(ref target[0], (Half)scale);
            for (var i = 0; i < Elements; i++) target[sizeof(ushort) + i] = (byte)(sbyte)(scale == 0 ? 0 : MathF.Round(source[i] / scale));
        }
    }
}
