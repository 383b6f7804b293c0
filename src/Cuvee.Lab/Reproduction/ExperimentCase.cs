using Cuvee.Data;
using Cuvee.Lab.Zoo;
using Cuvee.LanguageModels;
using Cuvee.Planning;
using Cuvee.Providers;
using Cuvee.Runs;

namespace Cuvee.Lab.Reproduction;

/// <summary>One merging problem: adapters, validation records, tests.</summary>
/// <param name="Name">The target's; <c>in-domain</c> of several targets together.</param>
/// <param name="Adapters">In ordinal order.</param>
internal sealed record ExperimentCase(
    string Name, IReadOnlyList<string> Adapters, IReadOnlyList<PromptCompletion> Validation, IReadOnlyList<ExperimentTest> Tests)
{
    /// <summary>Named by everything that decides its runs, so that experiments with the same problem share them.</summary>
    public string Folder(ExperimentLab lab) => Path.Combine(
        lab.RunsFolder, $"{Name}-{ZooFingerprint.Of(lab.HashOf(Adapters), RecordsFingerprint.Of(Validation))[..12]}");

    /// <summary>Writes the validation records where the runs expect them.</summary>
    public string WriteValidation(ExperimentLab lab)
    {
        var path = Path.Combine(Folder(lab), "validation.jsonl");
        if (!File.Exists(path)) RecordFile.Write(path, Validation);
        return path;
    }
}

/// <summary>Records that one target is tested on.</summary>
/// <param name="Validation">The target's own part of the case's validation records.</param>
internal sealed record ExperimentTest(
    ExperimentTarget Target, IReadOnlyList<PromptCompletion> Validation, IReadOnlyList<PromptCompletion> Records)
{
    public string Sha256 { get; } = RecordsFingerprint.Of(Records);
}

internal static class RecordsFingerprint
{
    /// <summary>Lower-case hexadecimal.</summary>
    public static string Of(IReadOnlyList<PromptCompletion> records) =>
        ZooFingerprint.Of([.. records.SelectMany(record => (string[])[record.Id, record.Prompt, record.Completion])]);
}

/// <summary>The provider of a case, opened by the first run that must ask it and shared by the others; once more behind each cache of
/// answers.</summary>
internal sealed class CaseSession : IAsyncDisposable
{
    private readonly Dictionary<string, IProviderSession> sessions = []; // by cache

    public async Task<IProviderSession> OpenAsync(RunPlan plan, CancellationToken cancellationToken)
    {
        var cache = plan.Configuration.Cache ?? "";
        if (!sessions.TryGetValue(cache, out var session))
            sessions.Add(cache, session = await MergeRun.OpenAsync(plan, cancellationToken));
        return session;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var session in sessions.Values) await session.DisposeAsync();
    }
}
