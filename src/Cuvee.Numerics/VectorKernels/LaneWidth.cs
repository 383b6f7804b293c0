using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Cuvee.Numerics;

/// <summary>Which <see cref="IFloatLanes{TVector}"/> the row kernels run in here; constants to the JIT.</summary>
internal static class LaneWidth
{
    public static bool Is512
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512.IsHardwareAccelerated;
    }

    /// <summary>arm64 runs it as pairs of 128 bits.</summary>
    public static bool Is256
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.IsHardwareAccelerated || AdvSimd.IsSupported;
    }
}
