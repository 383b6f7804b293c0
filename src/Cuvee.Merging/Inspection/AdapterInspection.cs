namespace Cuvee.Merging.Inspection;

/// <summary>One adapter of an inspected pool.</summary>
/// <param name="Ranks">Distinct ranks of its modules, rising.</param>
/// <param name="Scalings">Distinct scalings of its modules, rising.</param>
/// <param name="Modules">Number of adapted modules.</param>
/// <param name="Parameters">Numbers in all LoraA and LoraB.</param>
/// <param name="DeltaNorm">Frobenius norm of its update over all modules.</param>
public sealed record AdapterInspection(
    string Name, IReadOnlyList<int> Ranks, IReadOnlyList<float> Scalings, int Modules, long Parameters, double DeltaNorm);
