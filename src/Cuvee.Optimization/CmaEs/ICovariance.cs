
namespace Cuvee.Optimization.CmaEs;

/// <summary>Shape of the search distribution, C = B D^2 B', with a factorisation that may lag behind C by some generations.</summary>
internal interface ICovariance
{
    /// <summary>y = B D z.</summary>
    void Scale(ReadOnlySpan<double> z, Span<double> y); // [N] -> [N]

    /// <summary>x = B z; with z the mean of white samples this is C^-1/2 times the mean step.</summary>
    void Rotate(ReadOnlySpan<double> z, Span<double> x); // [N] -> [N]

    /// <summary>C = decay C + sum_k weights[k] vectors[k] vectors[k]'.</summary>
    void Update(double decay, ReadOnlySpan<double> weights, ReadOnlySpan<double[]> vectors);

    /// <summary>Brings B and D up to date with C.</summary>
    void Factorize();

    double Variance(int coordinate);

    /// <summary>D, lengths of the principal axes. [N]</summary>
    ReadOnlySpan<double> AxisLengths { get; }

    /// <summary>Column <paramref name="axis"/> of B.</summary>
    void Axis(int axis, Span<double> direction); // [N]
}
