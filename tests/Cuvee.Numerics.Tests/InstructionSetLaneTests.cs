using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cuvee.Numerics.Tests;

/// <summary>Guards scripts/test-lanes.sh: a rerun with an instruction set disabled proves nothing unless it really was.</summary>
public class InstructionSetLaneTests
{
    [Fact]
    public void InstructionSet_LaneOfThisRun_IsTheOneAskedFor()
    {
        var expected = Environment.GetEnvironmentVariable("CUVEE_EXPECT_LANE");
        if (string.IsNullOrEmpty(expected)) expected = WidestHere();
        var (gemm, wide512, wide256, wide128) = expected switch
        {
            "512" => ("AVX-512", true, true, true),
            "256" => ("AVX2", false, true, true),
            "128" => ("Vector128", false, false, true),
            "scalar" => ("scalar", false, false, false),
            _ => throw new ArgumentException($"CUVEE_EXPECT_LANE is {expected}; it must be 512, 256, 128 or scalar."),
        };
        Assert.Equal(gemm, Gemm.InstructionSet);
        Assert.Equal(wide512, Vector512.IsHardwareAccelerated && Avx512F.IsSupported);
        Assert.Equal(wide256, Vector256.IsHardwareAccelerated && Avx2.IsSupported && Fma.IsSupported);
        Assert.Equal(wide128, Vector128.IsHardwareAccelerated);
    }

    private static string WidestHere() =>
        Avx512F.IsSupported ? "512" : Avx2.IsSupported ? "256" : Vector128.IsHardwareAccelerated ? "128" : "scalar";
}
