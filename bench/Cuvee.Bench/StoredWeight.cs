using Cuvee.Numerics;

namespace Cuvee.Bench;

/// <summary>Random weights in a format, and random activations.</summary>
internal static unsafe class StoredWeight
{
    public static StoredMatrix Random(StorageFormat format, int rows, int columns)
    {
        var random = new SeededRandom(1);
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)(rows * format.RowBytes(columns))), pinned: true);
        var elementBytes = (int)format.RowBytes(format == StorageFormat.Q80 ? StorageFormats.BlockElements : 1);
        for (var at = 0; at < bytes.Length; at += elementBytes)
        {
            var value = (float)random.NextGaussian() / 32;
            var element = bytes.AsSpan(at, elementBytes);
            if (format == StorageFormat.F32) BitConverter.TryWriteBytes(element, value);
            else if (format == StorageFormat.BF16) BitConverter.TryWriteBytes(element, BFloat16.FromSingle(value));
            else BitConverter.TryWriteBytes(element, (Half)value);
            for (var i = sizeof(ushort); i < element.Length && format == StorageFormat.Q80; i++) element[i] = (byte)random.NextInt32(256);
        }

        fixed (byte* start = bytes) return new StoredMatrix(format, rows, columns, start, bytes);
    }

    public static float[] Gaussian(int length)
    {
        var random = new SeededRandom(2);
        var x = new float[length];
        for (var i = 0; i < length; i++) x[i] = (float)random.NextGaussian();
        return x;
    }
}
