namespace Cuvee.Merging.Materialization;

/// <summary>What a bounded rank cost in one module.</summary>
/// <param name="Energy">Squared Frobenius norm of the exact update.</param>
/// <param name="DroppedEnergy">Squared Frobenius norm of the part left out.</param>
public sealed record ModuleReduction(string ModuleName, int ExactRank, int Rank, double Energy, double DroppedEnergy)
{
    /// <summary>DroppedEnergy / Energy, in [0, 1].</summary>
    public double DroppedShare => Energy > 0 ? DroppedEnergy / Energy : 0;
}
