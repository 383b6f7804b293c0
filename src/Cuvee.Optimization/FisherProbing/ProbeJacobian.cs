namespace Cuvee.Optimization.FisherProbing;

/// <summary>One-sided differences of every answer token's log-odds.</summary>
internal static class ProbeJacobian
{
    /// <param name="known">Log-probabilities where the differences start by record, [tokens].</param>
    /// <param name="records">Records of the probes, in the order of their answers.</param>
    /// <param name="probes">One answer per probed coordinate.</param>
    /// <param name="probed">Those coordinates; the slopes of all others are 0.</param>
    /// <param name="steps">Signed difference step of each coordinate, [n].</param>
    /// <param name="countsRecordsAlike">A record's tokens weigh 1 together, not each.</param>
    /// <returns>A token with a value that is not finite, at the point or in any probe, is left out.</returns>
    /// <exception cref="InvalidOperationException">A probe came without log-probabilities or with another number of them.</exception>
    public static List<ProbedToken> Assemble(
        IReadOnlyDictionary<int, float[]> known, int[] records, IReadOnlyList<TrialEvaluation> probes, int[] probed, double[] steps,
        bool countsRecordsAlike)
    {
        var rows = new List<ProbedToken>();
        for (var r = 0; r < records.Length; r++)
        {
            var current = known[records[r]];
            var firstRow = rows.Count;
            var weight = countsRecordsAlike ? 1.0 / current.Length : 1;
            rows.AddRange(current.Select(value => new ProbedToken(ProbedToken.LogOddsOf(value), new double[steps.Length], weight)));
            for (var i = 0; i < probes.Count; i++)
            {
                var answer = RequireTokens(probes[i], records)[r];
                if (answer.Count != current.Length)
                {
                    throw new InvalidOperationException(
                        $"Record {records[r]} has {current.Length} log-probabilities where the probes start and {answer.Count} in a " +
                        "probe; score it alike.");
                }

                for (var t = 0; t < current.Length; t++)
                {
                    var row = rows[firstRow + t];
                    row.Slopes[probed[i]] = (ProbedToken.LogOddsOf(answer[t]) - row.LogOdds) / steps[probed[i]];
                }
            }
        }

        rows.RemoveAll(row => !double.IsFinite(row.LogOdds) || !row.Slopes.All(double.IsFinite));
        return rows;
    }

    public static IReadOnlyList<IReadOnlyList<float>> RequireTokens(TrialEvaluation evaluation, IReadOnlyList<int> records)
    {
        var tokens = evaluation.TokenLogProbabilities
            ?? throw new InvalidOperationException("Fisher probing needs log-probabilities and the model gave none; search with CMA-ES.");
        return tokens.Count == records.Count
            ? tokens
            : throw new InvalidOperationException(
                $"A probe asked for {records.Count} records and was told the log-probabilities of {tokens.Count}; answer every record.");
    }
}
