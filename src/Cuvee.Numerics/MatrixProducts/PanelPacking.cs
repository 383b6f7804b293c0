using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics;

/// <summary>Copies a block into one panel [k, width], the order in which a <see cref="IGemmKernel"/> reads it.</summary>
internal static unsafe class PanelPacking
{
    /// <summary>
    /// From [lanes, k] with <paramref name="stride"/> floats between lanes; lanes up to <paramref name="width"/> become zero.
    /// </summary>
    public static void FromLanes(float* source, nint stride, int lanes, int k, float* panel, int width)
    {
        CopyLanes(source, stride, lanes, k, panel, width);
        if (lanes < width) ClearLanes(lanes, k, panel, width);
    }

    /// <summary>From [lanes, k] to the first lanes of a panel; the others are left as they are.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyLanes(float* source, nint stride, int lanes, int k, float* panel, int width)
    {
        var lane = 0;
        for (; lane + 4 <= lanes; lane += 4) FourLanes(source + (lane * stride), stride, k, panel + lane, width);
        for (; lane < lanes; lane++)
        {
            var from = source + (lane * stride);
            var to = panel + lane;
            for (var p = 0; p < k; p++, to += width) *to = from[p];
        }
    }

    public static void ClearLanes(int lanes, int k, float* panel, int width)
    {
        for (var p = 0; p < k; p++, panel += width)
            for (var j = lanes; j < width; j++) panel[j] = 0;
    }

    /// <summary>From [k, lanes] with <paramref name="stride"/> floats between rows.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromRows(float* source, nint stride, int lanes, int k, float* panel, int width)
    {
        if (lanes == width && (width & 15) == 0 && Vector512.IsHardwareAccelerated)
        {
            for (var p = 0; p < k; p++, source += stride, panel += width)
                for (var j = 0; j < width; j += 16) Vector512.Load(source + j).StoreAligned(panel + j);
            return;
        }

        if (lanes == width && (width & 3) == 0)
        {
            for (var p = 0; p < k; p++, source += stride, panel += width)
                for (var j = 0; j < width; j += 4) Vector128.Load(source + j).Store(panel + j);
            return;
        }

        for (var p = 0; p < k; p++, source += stride, panel += width)
        {
            for (var j = 0; j < lanes; j++) panel[j] = source[j];
            for (var j = lanes; j < width; j++) panel[j] = 0;
        }
    }

    // Transposes of 4 x 4 within each 128-bit part: 16 k at a time, then 4, then 1.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourLanes(float* r0, nint stride, int k, float* to, nint width)
    {
        var r1 = r0 + stride;
        var r2 = r1 + stride;
        var r3 = r2 + stride;
        var p = 0;
        for (; Avx512F.IsSupported && p + 16 <= k; p += 16)
        {
            var (x0, x1, x2, x3) = (Vector512.Load(r0 + p), Vector512.Load(r1 + p), Vector512.Load(r2 + p), Vector512.Load(r3 + p));
            var low01 = Avx512F.UnpackLow(x0, x1).AsDouble();
            var low23 = Avx512F.UnpackLow(x2, x3).AsDouble();
            var high01 = Avx512F.UnpackHigh(x0, x1).AsDouble();
            var high23 = Avx512F.UnpackHigh(x2, x3).AsDouble();
            var first = Avx512F.UnpackLow(low01, low23).AsSingle(); // k = 0, 4, 8, 12
            var second = Avx512F.UnpackHigh(low01, low23).AsSingle();
            var third = Avx512F.UnpackLow(high01, high23).AsSingle();
            var fourth = Avx512F.UnpackHigh(high01, high23).AsSingle();
            to = StoreFour(
                first.GetLower().GetLower(), second.GetLower().GetLower(),
                third.GetLower().GetLower(), fourth.GetLower().GetLower(), to, width);
            to = StoreFour(
                Avx512F.ExtractVector128(first, 1), Avx512F.ExtractVector128(second, 1),
                Avx512F.ExtractVector128(third, 1), Avx512F.ExtractVector128(fourth, 1), to, width);
            to = StoreFour(
                Avx512F.ExtractVector128(first, 2), Avx512F.ExtractVector128(second, 2),
                Avx512F.ExtractVector128(third, 2), Avx512F.ExtractVector128(fourth, 2), to, width);
            to = StoreFour(
                Avx512F.ExtractVector128(first, 3), Avx512F.ExtractVector128(second, 3),
                Avx512F.ExtractVector128(third, 3), Avx512F.ExtractVector128(fourth, 3), to, width);
        }

        for (; Vector128.IsHardwareAccelerated && p + 4 <= k; p += 4)
        {
            var (x0, x1, x2, x3) = (Vector128.Load(r0 + p), Vector128.Load(r1 + p), Vector128.Load(r2 + p), Vector128.Load(r3 + p));
            var (low01, high01) = (Zip.Low(x0, x1).AsDouble(), Zip.High(x0, x1).AsDouble());
            var (low23, high23) = (Zip.Low(x2, x3).AsDouble(), Zip.High(x2, x3).AsDouble());
            to = StoreFour(
                Zip.Low(low01, low23).AsSingle(), Zip.High(low01, low23).AsSingle(),
                Zip.Low(high01, high23).AsSingle(), Zip.High(high01, high23).AsSingle(), to, width);
        }

        for (; p < k; p++, to += width)
        {
            to[0] = r0[p];
            to[1] = r1[p];
            to[2] = r2[p];
            to[3] = r3[p];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* StoreFour(
        Vector128<float> first, Vector128<float> second, Vector128<float> third, Vector128<float> fourth, float* to, nint width)
    {
        first.Store(to);
        second.Store(to + width);
        third.Store(to + (2 * width));
        fourth.Store(to + (3 * width));
        return to + (4 * width);
    }
}
