using System.Runtime.CompilerServices;

namespace Cuvee.Numerics;

/// <summary>2 x 4 tile in plain arithmetic (product, then sum), for processors without vector registers.</summary>
internal readonly unsafe struct ScalarGemmKernel : IGemmKernel
{
    public static int TallRows => 2;

    public static int LowRows => 1;

    public static int Columns => 4;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tall(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        var d = c + ldc;
        float c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
        if (load) (c0, c1, c2, c3, d0, d1, d2, d3) = (c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]);
        for (; k > 0; k--)
        {
            c0 = (a[0] * b[0]) + c0;
            c1 = (a[0] * b[1]) + c1;
            c2 = (a[0] * b[2]) + c2;
            c3 = (a[0] * b[3]) + c3;
            d0 = (a[row] * b[0]) + d0;
            d1 = (a[row] * b[1]) + d1;
            d2 = (a[row] * b[2]) + d2;
            d3 = (a[row] * b[3]) + d3;
            a += step;
            b += 4;
        }

        (c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]) = (c0, c1, c2, c3, d0, d1, d2, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Low(nint k, float* a, nint row, nint step, float* b, float* c, nint ldc, bool load)
    {
        float c0 = 0, c1 = 0, c2 = 0, c3 = 0;
        if (load) (c0, c1, c2, c3) = (c[0], c[1], c[2], c[3]);
        for (; k > 0; k--)
        {
            c0 = (a[0] * b[0]) + c0;
            c1 = (a[0] * b[1]) + c1;
            c2 = (a[0] * b[2]) + c2;
            c3 = (a[0] * b[3]) + c3;
            a += step;
            b += 4;
        }

        (c[0], c[1], c[2], c[3]) = (c0, c1, c2, c3);
    }
}
