using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Cuvee.Numerics;

/// <summary>
/// The system's OpenBLAS as a yardstick for <see cref="Gemm"/>; no computation of Cuvee uses it. Absent where the library is not installed.
/// </summary>
/// <remarks>
/// OpenBLAS reads OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE when it is loaded: unset them first, or it is measured with one hand tied.
/// </remarks>
public sealed unsafe class OpenBlas
{
    private const int RowMajor = 101, NoTranspose = 111, Transpose = 112;

    private static readonly string[] LibraryNames = OperatingSystem.IsWindows() ? ["libopenblas.dll", "openblas.dll"]
        : OperatingSystem.IsMacOS() ? ["/opt/homebrew/opt/openblas/lib/libopenblas.dylib", "libopenblas.dylib"]
        : ["libopenblas.so.0", "libopenblas.so"];

    private readonly delegate* unmanaged[Cdecl]<
        int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> sgemm;

    private readonly delegate* unmanaged[Cdecl]<int, void> setThreads;
    private readonly delegate* unmanaged[Cdecl]<byte*> config;

    private OpenBlas(nint library)
    {
        sgemm = (delegate* unmanaged[Cdecl]<
            int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)
                NativeLibrary.GetExport(library, "cblas_sgemm");
        setThreads = (delegate* unmanaged[Cdecl]<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads");
        config = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(library, "openblas_get_config");
    }

    /// <summary>Version and kernel in use, in OpenBLAS's own words.</summary>
    public string Description => Marshal.PtrToStringUTF8((nint)config()) ?? "";

    /// <summary>Threads of the following products; process-wide.</summary>
    public int Threads
    {
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            setThreads(value);
        }
    }

    /// <summary>Loads the library; false where it is not installed.</summary>
    public static bool TryLoad([NotNullWhen(true)] out OpenBlas? openBlas)
    {
        foreach (var name in LibraryNames)
        {
            if (!NativeLibrary.TryLoad(name, out var library)) continue;
            if (!NativeLibrary.TryGetExport(library, "cblas_sgemm", out _)
                || !NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out _)
                || !NativeLibrary.TryGetExport(library, "openblas_get_config", out _)) continue;
            openBlas = new OpenBlas(library);
            return true;
        }

        openBlas = null;
        return false;
    }

    /// <summary>The product of <see cref="Gemm"/>, same arguments.</summary>
    public void Multiply(
        int m, int n, int k,
        ReadOnlySpan<float> a, int lda, bool transposeA,
        ReadOnlySpan<float> b, int ldb, bool transposeB,
        Span<float> c, int ldc, bool accumulate)
    {
        Gemm.CheckOperand(transposeA ? k : m, transposeA ? m : k, a.Length, lda, nameof(a));
        Gemm.CheckOperand(transposeB ? n : k, transposeB ? k : n, b.Length, ldb, nameof(b));
        Gemm.CheckOperand(m, n, c.Length, ldc, nameof(c));
        fixed (float* pa = a, pb = b, pc = c)
        {
            sgemm(
                RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose,
                m, n, k, 1f, pa, lda, pb, ldb, accumulate ? 1f : 0f, pc, ldc);
        }
    }
}
