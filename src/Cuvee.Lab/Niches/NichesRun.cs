using Cuvee.Formats;
using Cuvee.Lab.Reproduction;
using Cuvee.Optimization;

namespace Cuvee.Lab.Niches;

/// <summary>Accuracies of the best model by training images after so many forward passes of the training set.</summary>
internal sealed record CurvePoint(int Passes, double Train, double Test);

/// <summary>One row from one kind of start with one seed.</summary>
/// <param name="TestErrors">Of the model at the end, 0 or 1 a test image.</param>
internal sealed record NichesRunResult(
    string Start, string Row, ulong Seed, double Seconds, IReadOnlyList<CurvePoint> Curve, IReadOnlyList<int> TestErrors);

/// <summary>Runs an optimiser on the digits; a finished run's file is used again.</summary>
internal sealed class NichesRun(DigitImages train, DigitImages test, TimeProvider time)
{
    public NichesRunResult Execute(
        string start, NichesRow row, NichesProblem problem, int passes, int curveStep, string file, CancellationToken cancellationToken)
    {
        if (File.Exists(file)) return Read(start, row.Key, problem.Seed, file);
        var began = time.GetTimestamp();
        var (trainNet, testNet) = (new DigitNet(train), new DigitNet(test));
        var optimizer = row.OptimizerOf(problem);
        var curve = new List<CurvePoint>();
        var done = 0;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var trials = optimizer.Ask();
            if (done + trials.Count > passes) break;
            optimizer.Tell([.. trials.Select(trial => Evaluate(trainNet, trial))]);
            var marks = done / curveStep;
            done += trials.Count;
            if (done / curveStep > marks || curve.Count == 0) curve.Add(Measure(done, optimizer));
        }

        if (curve[^1].Passes < done) curve.Add(Measure(done, optimizer));
        int[] errors = [.. testNet.Errors(optimizer.Recommend()[0]).Select(error => (int)error)];
        var seconds = Math.Round(time.GetElapsedTime(began).TotalSeconds, 1);
        var result = new NichesRunResult(start, row.Key, problem.Seed, seconds, curve, errors);
        ResultsJson.Write(file, result);
        return result;

        CurvePoint Measure(int count, IOptimizer of)
        {
            var best = of.Recommend()[0];
            return new CurvePoint(count, 1 - trainNet.Errors(best).Average(), 1 - testNet.Errors(best).Average());
        }
    }

    /// <exception cref="BadInputException">The file is cut, or of another run.</exception>
    private NichesRunResult Read(string start, string row, ulong seed, string file)
    {
        var run = ResultsJson.TryParse<NichesRunResult>(File.ReadAllBytes(file));
        return run is { Curve.Count: > 0, TestErrors: { } errors } && errors.Count == test.Count
            && (run.Start, run.Row, run.Seed) == (start, row, seed)
                ? run
                : throw new BadInputException(
                    $"{file}: not the finished run of {row} from {start}, seed {seed}; delete it to run it again.");
    }

    private static TrialEvaluation Evaluate(DigitNet net, Trial trial)
    {
        var errors = net.Errors(trial.Point);
        return new TrialEvaluation(errors.Average()) { RecordLosses = errors };
    }
}
