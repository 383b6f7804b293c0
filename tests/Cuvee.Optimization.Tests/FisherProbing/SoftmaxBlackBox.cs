using Cuvee.Numerics;

namespace Cuvee.Optimization.Tests.FisherProbing;

/// <summary>
/// A language model small enough to know everything about: the logits of token t are base_t + sum_i w_i features_t[i], the answers are
/// drawn
/// at hidden weights w*, and only log-probabilities of the answers are shown. Negative log-likelihood is convex in w, so Newton's method in
/// double finds its minimum.
/// </summary>
internal sealed class SoftmaxBlackBox
{
    private readonly double[][][] baseLogits; // [records][tokens][vocabulary]
    private readonly double[][][][] features; // [records][tokens][dimension][vocabulary]
    private readonly int[][] answers; // [records][tokens]
    private readonly bool sumsOnly;
    private readonly bool countsRecordsAlike;

    public SoftmaxBlackBox(
        int dimension, int records, ulong seed, int vocabulary = 24, bool sumsOnly = false, bool countsRecordsAlike = false,
        int? answerTokens = null)
    {
        (this.sumsOnly, this.countsRecordsAlike) = (sumsOnly, countsRecordsAlike);
        Dimension = dimension;
        RecordCount = records;
        var random = new SeededRandom(seed);
        // a few strong adapters of both signs, most near 0, as in measured merges
        double[] strong = [0.8, 0.7, -0.55, 0.3, -0.2];
        HiddenWeights = [.. Enumerable.Range(0, dimension).Select(i => i < strong.Length ? strong[i] : 0.03 * random.NextGaussian())];
        baseLogits = new double[records][][];
        features = new double[records][][][];
        answers = new int[records][];
        for (var r = 0; r < records; r++)
        {
            var tokens = answerTokens ?? 3 + random.NextInt32(10);
            baseLogits[r] = new double[tokens][];
            features[r] = new double[tokens][][];
            answers[r] = new int[tokens];
            for (var t = 0; t < tokens; t++)
            {
                var common = Gaussians(random, vocabulary, 1.0); // adapters of one family move the same logits
                baseLogits[r][t] = Gaussians(random, vocabulary, 2.0);
                features[r][t] = new double[dimension][];
                for (var i = 0; i < dimension; i++)
                {
                    var own = Gaussians(random, vocabulary, i % 3 == 0 ? 3.0 : 1.5);
                    features[r][t][i] = [.. own.Zip(common, (a, b) => a + (i % 2 == 0 ? b : -b))];
                }

                var probabilities = LogProbabilities(r, t, HiddenWeights).Select(Math.Exp).ToArray();
                var draw = random.NextDouble();
                while (answers[r][t] < vocabulary - 1 && (draw -= probabilities[answers[r][t]]) > 0) answers[r][t]++;
            }
        }
    }

    public int Dimension { get; }

    public int RecordCount { get; }

    public double[] HiddenWeights { get; }

    /// <summary>Records scored so far, as a provider would bill them.</summary>
    public int Queries { get; private set; }

    public TrialEvaluation Evaluate(Trial trial)
    {
        var records = trial.Records ?? [.. Enumerable.Range(0, RecordCount)];
        Queries += records.Count;
        float[][] tokens = [.. records.Select(r => AnswerLogProbabilities(r, trial.Point))];
        var loss = -tokens.Zip(records, (record, r) => TokenWeight(r) * record.Sum(value => (double)value)).Sum()
            / tokens.Zip(records, (record, r) => TokenWeight(r) * record.Length).Sum();
        if (sumsOnly) tokens = [.. tokens.Select(record => (float[])[.. Enumerable.Repeat(record.Average(), record.Length)])];
        return new TrialEvaluation(loss, 0, tokens);
    }

    /// <summary>Mean negative log-likelihood over all records, per token or over their means, in double.</summary>
    public double Loss(double[] weights) =>
        -Tokens().Sum(at => TokenWeight(at.Record) * LogProbabilities(at.Record, at.Token, weights)[answers[at.Record][at.Token]])
        / Tokens().Sum(at => TokenWeight(at.Record));

    /// <summary>Minimiser of <see cref="Loss"/> over the records given (all by default), by damped Newton steps.</summary>
    public double[] Optimum()
    {
        var weights = new double[Dimension];
        for (var iteration = 0; iteration < 60; iteration++)
        {
            var gradient = new double[Dimension];
            var hessian = new double[Dimension * Dimension];
            foreach (var (r, t) in Tokens())
            {
                var p = LogProbabilities(r, t, weights).Select(Math.Exp).ToArray();
                var feature = features[r][t];
                var means = feature.Select(row => row.Zip(p, (f, q) => f * q).Sum()).ToArray();
                for (var i = 0; i < Dimension; i++)
                {
                    gradient[i] += TokenWeight(r) * (feature[i][answers[r][t]] - means[i]);
                    for (var j = 0; j <= i; j++)
                    {
                        double covariance = 0;
                        for (var v = 0; v < p.Length; v++) covariance += p[v] * (feature[i][v] - means[i]) * (feature[j][v] - means[j]);
                        covariance *= TokenWeight(r);
                        hessian[(i * Dimension) + j] += covariance;
                        if (i != j) hessian[(j * Dimension) + i] += covariance;
                    }
                }
            }

            var step = GaussianElimination(hessian, gradient);
            var before = Loss(weights);
            var length = 1.0;
            var moved = Enumerable.Range(0, Dimension).Select(i => weights[i] + step[i]).ToArray();
            while (Loss(moved) > before && length > 1e-9)
            {
                length /= 2;
                moved = [.. Enumerable.Range(0, Dimension).Select(i => weights[i] + (length * step[i]))];
            }

            weights = moved;
            if (step.Max(Math.Abs) < 1e-10) break;
        }

        return weights;
    }

    private double TokenWeight(int record) => countsRecordsAlike ? 1.0 / answers[record].Length : 1;

    private float[] AnswerLogProbabilities(int record, double[] weights) =>
        [.. answers[record].Select((answer, t) => (float)LogProbabilities(record, t, weights)[answer])];

    private IEnumerable<(int Record, int Token)> Tokens() =>
        answers.SelectMany((record, r) => record.Select((_, t) => (r, t)));

    private double[] LogProbabilities(int record, int token, double[] weights)
    {
        double[] logits = [.. baseLogits[record][token]];
        for (var i = 0; i < Dimension; i++)
        {
            var row = features[record][token][i];
            for (var v = 0; v < logits.Length; v++) logits[v] += weights[i] * row[v];
        }

        var max = logits.Max();
        var normaliser = max + Math.Log(logits.Sum(logit => Math.Exp(logit - max)));
        for (var v = 0; v < logits.Length; v++) logits[v] -= normaliser;
        return logits;
    }

    private static double[] Gaussians(SeededRandom random, int count, double scale) =>
        [.. Enumerable.Range(0, count).Select(_ => scale * random.NextGaussian())];

    /// <summary>With row pivoting; another way than the code under test.</summary>
    private static double[] GaussianElimination(double[] matrix, double[] rightHandSide)
    {
        var n = rightHandSide.Length;
        var rows = Enumerable.Range(0, n).Select(i => matrix.Skip(i * n).Take(n).Append(rightHandSide[i]).ToArray()).ToArray();
        for (var column = 0; column < n; column++)
        {
            var pivot = Enumerable.Range(column, n - column).MaxBy(i => Math.Abs(rows[i][column]));
            (rows[column], rows[pivot]) = (rows[pivot], rows[column]);
            for (var i = 0; i < n; i++)
            {
                if (i == column) continue;
                var factor = rows[i][column] / rows[column][column];
                for (var j = column; j <= n; j++) rows[i][j] -= factor * rows[column][j];
            }
        }

        return [.. rows.Select((row, i) => row[n] / row[i])];
    }
}
