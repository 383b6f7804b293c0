using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cuvee.Numerics;

/// <summary>Copies a block into one panel [k, width], the order in which a <see cref="IGemmKernel"/> reads it.</summary>
internal static unsafe class PanelPacking
{
    /// <summary>From [lanes, k] with <paramref name="stride"/> floats between lanes; lanes up to <paramref name="width"/> become zero.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromLanes(float* source, nint stride, int lanes, int k, float* panel, int width)
    {
        var lane = 0;
        for (; lane + 4 <= lanes; lane += 4) FourLanes(source + (lane * stride), stride, k, panel + lane, width);
        for (; lane < lanes; lane++)
        {
            var from = source + (lane * stride);
            var to = panel + lane;
            for (var p = 0; p < k; p++, to += width) *to = from[p];
        }

        if (lanes < width) ClearLanes(lanes, k, panel, width);
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

    // 4 x 4 transposes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourLanes(float* r0, nint stride, int k, float* to, nint width)
    {
        var r1 = r0 + stride;
        var r2 = r1 + stride;
        var r3 = r2 + stride;
        var p = 0;
        for (; Vector128.IsHardwareAccelerated && p + 4 <= k; p += 4, to += 4 * width)
        {
            var x0 = Vector128.Load(r0 + p);
            var x1 = Vector128.Load(r1 + p);
            var x2 = Vector128.Load(r2 + p);
            var x3 = Vector128.Load(r3 + p);
            var low01 = UnpackLow(x0, x1);
            var low23 = UnpackLow(x2, x3);
            var high01 = UnpackHigh(x0, x1);
            var high23 = UnpackHigh(x2, x3);
            Join(low01.GetLower(), low23.GetLower()).Store(to);
            Join(low01.GetUpper(), low23.GetUpper()).Store(to + width);
            Join(high01.GetLower(), high23.GetLower()).Store(to + (2 * width));
            Join(high01.GetUpper(), high23.GetUpper()).Store(to + (3 * width));
        }

        for (; p < k; p++, to += width)
        {
            to[0] = r0[p];
            to[1] = r1[p];
            to[2] = r2[p];
            to[3] = r3[p];
        }
    }

    private static void ClearLanes(int lanes, int k, float* panel, int width)
    {
        for (var p = 0; p < k; p++, panel += width)
            for (var j = lanes; j < width; j++) panel[j] = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Join(Vector64<float> lower, Vector64<float> upper) => Vector128.Create(lower, upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> UnpackLow(Vector128<float> x, Vector128<float> y) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported
            ? System.Runtime.Intrinsics.X86.Sse.UnpackLow(x, y)
            : Vector128.Create(x[0], y[0], x[1], y[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> UnpackHigh(Vector128<float> x, Vector128<float> y) =>
        System.Runtime.Intrinsics.X86.Sse.IsSupported
            ? System.Runtime.Intrinsics.X86.Sse.UnpackHigh(x, y)
            : Vector128.Create(x[2], y[2], x[3], y[3]);
}
