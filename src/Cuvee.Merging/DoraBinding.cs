using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// DoRA (arXiv 2402.09353, eq. 5) against the base weight that it was trained on: with V = W + s B A the adapted weight is
/// <c>diag(d) V</c>, d_i = m_i / ||V_i||, so the update is <c>s (diag(d) B) A + diag(d - 1) W</c>: a LoRA, and a factor for each row.
/// </summary>
internal static class DoraBinding
{
    /// <summary>The module with its row factors in place of magnitudes.</summary>
    /// <param name="weight">[out, in]</param>
    /// <param name="team">Shares the rows.</param>
    /// <exception cref="ArgumentException">The base has another shape, or a row of V is zero; one sentence.</exception>
    public static LoraModule Bind(string adapter, LoraModule module, StoredMatrix weight, ThreadTeam team)
    {
        var (outFeatures, inFeatures, rank) = (module.OutFeatures, module.InFeatures, module.Rank);
        if (weight.Rows != outFeatures || weight.Columns != inFeatures)
        {
            throw new ArgumentException(
                $"Adapter '{adapter}' holds [{outFeatures}, {inFeatures}] for module {module.Name}, which is [{weight.Rows}, " +
                $"{weight.Columns}] in the base model; use the base that it was trained on.");
        }

        var factors = new float[outFeatures];
        var loraA = module.LoraA.ToSingles(); // [rank, in]
        var loraB = new float[checked(outFeatures * rank)];
        var magnitude = module.Magnitude!;
        team.Run(outFeatures, row =>
        {
            var b = loraB.AsSpan(row * rank, rank);
            module.LoraB.ReadRow(row, b);
            var v = new float[inFeatures];
            weight.ReadRow(row, v);
            for (var k = 0; k < rank; k++) FloatVectors.AddScaled(module.Scaling * b[k], loraA.AsSpan(k * inFeatures, inFeatures), v);
            double squares = 0;
            foreach (var value in v) squares += (double)value * value;
            factors[row] = (float)(magnitude[row] / Math.Sqrt(squares));
            foreach (ref var value in b) value *= factors[row];
        });
        var broken = Array.FindIndex(factors, factor => !float.IsFinite(factor));
        if (broken >= 0)
        {
            throw new ArgumentException(
                $"Adapter '{adapter}' makes row {broken} of module {module.Name} zero, which DoRA cannot scale; use the base that it was " +
                "trained on.");
        }

        return module with { LoraB = StoredMatrix.Over(outFeatures, rank, loraB), Magnitude = null, RowFactors = factors };
    }
}
