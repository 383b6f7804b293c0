namespace Cuvee.Numerics;

internal enum GemmLane
{
    Avx512,
    Avx2,
    Vector128,
    Scalar,
}
