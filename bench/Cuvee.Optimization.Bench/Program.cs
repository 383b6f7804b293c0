using System.Diagnostics;
using Cuvee.Optimization;
using Cuvee.Optimization.CmaEs;

// Overhead of CMA-ES per generation: Ask, Tell and the stop reasons, without any evaluation (wall time). Processor time is that of the
// whole process and includes the trivial objective; on a busy machine it says more than the mean wall time.
const int Generations = 600;
Console.WriteLine("| N | population | covariance | median ms | mean ms | processor ms |");
Console.WriteLine("|---|---|---|---|---|---|");
foreach (var (dimension, population, separable) in new[] { (15, 20, false), (100, 20, false), (150, 20, false), (1000, 24, true) })
{
    var options = new CmaEsOptions { PopulationSize = population, Separable = separable, Tolerances = CmaEsTolerances.None };
    var optimizer = new CmaEsOptimizer(new double[dimension], options);
    for (var i = 0; i < 100; i++) Generation(optimizer); // compilation
    var processor = Process.GetCurrentProcess().TotalProcessorTime;
    var times = Enumerable.Range(0, Generations).Select(_ => Generation(optimizer)).Order().ToArray();
    var shape = separable ? "diagonal" : "full";
    var perGeneration = (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalMilliseconds / Generations;
    var median = times[Generations / 2];
    Console.WriteLine($"| {dimension} | {population} | {shape} | {median:F3} | {times.Average():F3} | {perGeneration:F3} |");
}

static double Generation(CmaEsOptimizer optimizer)
{
    var start = Stopwatch.GetTimestamp();
    var trials = optimizer.Ask();
    var asked = Stopwatch.GetElapsedTime(start);
    TrialEvaluation[] evaluations = [.. trials.Select(trial => new TrialEvaluation(trial.Point.Sum(x => (x - 1) * (x - 1))))];
    start = Stopwatch.GetTimestamp();
    optimizer.Tell(evaluations);
    if (optimizer.StopReasons.Count > 0) throw new InvalidOperationException("All tolerances are off.");
    return (asked + Stopwatch.GetElapsedTime(start)).TotalMilliseconds;
}
