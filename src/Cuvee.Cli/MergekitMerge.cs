using System.Diagnostics;
using Cuvee.Formats;
using Cuvee.Mergekit;
using Cuvee.Numerics;
using Spectre.Console;

namespace Cuvee.Cli;

/// <summary><c>cuvee merge mergekit.yml</c>: no search, the checkpoint that the file asks for.</summary>
/// <param name="Path">Of the file, as given.</param>
/// <param name="Text">What it holds.</param>
/// <param name="Seed">Of random drops.</param>
internal sealed record MergekitMerge(string Path, string Text, ulong Seed)
{
    /// <param name="folder">Appears whole, once everything is written; null together with <paramref name="dryRun"/> only.</param>
    /// <param name="error">Where a person sees how far it is.</param>
    /// <returns>What is printed.</returns>
    public string Run(string? folder, bool dryRun, bool json, TextWriter error, TimeProvider clock, CancellationToken cancellationToken)
    {
        var file = MergekitFile.Parse(Text, Path);
        if (folder is null && !dryRun)
            throw new BadInputException($"{Path}: a mergekit file does not say where its result goes; add --out DIR.");
        var target = folder is null ? null : new OutputFolder(folder, force: null);
        var start = clock.GetTimestamp();
        using var plan = MergekitPlan.Open(file, Seed);
        var seconds = 0.0;
        if (!dryRun)
        {
            using var team = new ThreadTeam();
            target!.Write(temporary =>
                Shown(PeopleConsole.For(error), plan.Tensors.Count, begun => plan.Write(temporary, team, begun, cancellationToken)));
            seconds = clock.GetElapsedTime(start).TotalSeconds;
        }

        return json ? Json(plan, file, folder, dryRun ? null : seconds) : Sentence(plan, file, folder, dryRun ? null : seconds);
    }

    private static void Shown(IAnsiConsole console, int tensors, Action<Action<string>> work)
    {
        if (!PeopleConsole.IsLive(console))
        {
            work(_ => { });
            return;
        }

        console.Progress().AutoClear(true).Start(progress =>
        {
            var task = progress.AddTask("tensors", maxValue: tensors);
            work(_ => task.Increment(1));
        });
    }

    private static string Sentence(MergekitPlan plan, MergekitFile file, string? folder, double? seconds)
    {
        var what = $"{file.Method.Name} of {string.Join(", ", plan.Models)}: {plan.Layers} layers, {plan.Tensors.Count} tensors, " +
            $"{plan.Elements:#,0} parameters in {plan.Type}";
        return seconds is null ? $"{what} (nothing was written)" : $"merged checkpoint: {folder} ({what}, {seconds:0.0} s)";
    }

    private string Json(MergekitPlan plan, MergekitFile file, string? folder, double? seconds) => JsonOutput.Line(new
    {
        Out = folder,
        Method = file.Method.Name,
        Models = plan.Models,
        plan.Layers,
        Tensors = plan.Tensors.Count,
        Parameters = plan.Elements,
        Dtype = plan.Type.ToString(),
        Seed,
        Seconds = seconds,
        PeakBytes = seconds is null ? (long?)null : PeakBytes(),
    });

    private static long PeakBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
