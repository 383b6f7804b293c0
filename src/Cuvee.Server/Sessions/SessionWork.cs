using System.Security.Cryptography;
using System.Text.Json;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Events;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Formats.Safetensors;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Merging;
using Cuvee.Merging.Materialization;
using Cuvee.Planning;
using Cuvee.Runs;
using Cuvee.Server.Engine;
using Cuvee.Server.Http;

namespace Cuvee.Server.Sessions;

/// <summary>What a session can be asked to do (routes of Evo-Merging's own service, arXiv 2509.12951): always in factors space.</summary>
internal sealed class SessionWork(ServedPool served, EngineScheduler engine, DataSets data, TimeProvider time)
{
    private const string ManifestFile = "merge_manifest.json";
    private const string SearchFolder = "optimize";
    private const string AdaptersFolder = "adapters";
    private const string BestTag = "best";
    private const string ValidationFile = "validation.records"; // JSON lines or a list, told apart by the first character
    private const int PaperSample = 300; // records of a candidate, preset paper

    public int Adapters => served.Adapters.Count;

    /// <summary>Writes the merged adapter with its manifest; an adapter of the same tag is replaced.</summary>
    /// <returns>Id of the folder; no path of the server.</returns>
    /// <exception cref="BadInputException">The pool cannot be merged so, or the session holds too many adapters.</exception>
    public Task<string> MaterializeAsync(Session session, SessionCandidate candidate, CancellationToken cancellationToken)
    {
        RequireRoom(session, candidate.Tag);
        return WriteAsync(session, candidate, cancellationToken);
    }

    /// <summary>
    /// Mean negative log-likelihood per answer token, in nats, on the session's first batches, of a candidate that can be written.
    /// </summary>
    /// <exception cref="BadInputException">As <see cref="MaterializeAsync"/> says.</exception>
    public async Task<double> EvaluateAsync(Session session, SessionCandidate candidate, CancellationToken cancellationToken)
    {
        RequireRoom(session, candidate.Tag);
        var (recipe, provider) = (Recipe(candidate), Provider(session, session.Query));
        var (rules, records) = Records(session.Query);
        var encoder = new TextEncoder(served.Tokenizer, served.Config, rules);
        var scores = await provider.ScoreAsync(recipe, [.. records.Take(session.Query.Sample)], encoder, cancellationToken)
            .ConfigureAwait(false);
        var loss = -scores.Sum(score => score.LogProbability) / scores.Sum(score => score.Tokens);
        return double.IsFinite(loss)
            ? loss
            : throw new LanguageModelException("The model gives the records no finite log-probability; choose smaller numbers for beta.");
    }

    /// <summary>
    /// The authors' search (evo-merging, preset paper) as a run of Cuvee's own engine, in a folder of the session. Asked again with the
    /// same settings after it was cut off, it goes on where it stopped. Its best adapter is written whatever the session holds.
    /// </summary>
    public async Task<SessionResult> OptimizeAsync(Session session, QueryPlus query, CancellationToken cancellationToken)
    {
        Rules(query);
        var name = $"{SearchFolder}-{Convert.ToHexStringLower(SHA256.HashData(JsonReply.Bytes(query)))[..12]}";
        var folder = Path.Combine(session.Folder, name);
        Directory.CreateDirectory(folder);
        data.Copy(query.Dataset, Path.Combine(folder, ValidationFile), query.MaxSamples);
        var provider = Provider(session, query);
        var configuration = RunConfiguration.Parse(
            RunText(provider, query), Path.Combine(folder, "run.yaml"), Catalog.Default with { Providers = [provider] });
        var counts = new CandidateCounts();
        var report = await new MergeRun(time, counts)
            .ExecuteAsync(RunPlanner.Plan(configuration, resume: true), cancellationToken).ConfigureAwait(false);
        var result = report.Results[0];
        var best = ((WeightedRecipe)result.Recipe).Adapters.ToDictionary(share => share.Name);
        var candidate = new SessionCandidate(
            [.. provider.AdapterNames.Select(each => best[each].KeepFraction)],
            [.. provider.AdapterNames.Select(each => best[each].Weight)],
            $"{BestTag}-{name[(SearchFolder.Length + 1)..]}");
        return new SessionResult(
            result.ValidationLoss, candidate.Alpha, candidate.Beta, $"{session.Id}/{name}", counts.Of(result.Stages[0].Name),
            counts.Of(result.Stages[1].Name), await WriteAsync(session, candidate, cancellationToken).ConfigureAwait(false));
    }

    private static void RequireRoom(Session session, string tag)
    {
        var adapters = Path.Combine(session.Folder, AdaptersFolder);
        if (Directory.Exists(adapters) && !Directory.Exists(Path.Combine(adapters, tag))
            && Directory.GetDirectories(adapters).Length >= Session.MostAdapters)
        {
            throw new BadInputException(
                $"request: 'tag': the session holds {Session.MostAdapters} adapters already; use a tag again, or open another session.");
        }
    }

    private SessionProvider Provider(Session session, QueryPlus query) =>
        new(served, engine, session.Owner, Math.Min(query.CutoffLen, served.Config.MaxPositionEmbeddings));

    /// <summary>The first records as the request bounds them, rendered.</summary>
    private (TextRules Rules, IReadOnlyList<PromptCompletion> Records) Records(QueryPlus query)
    {
        var rules = Rules(query);
        var records = RecordFile.Read(data.PathOf(query.Dataset), rules.Template);
        return (rules, query.MaxSamples is { } most ? [.. records.Take(most)] : records);
    }

    private TextRules Rules(QueryPlus query)
    {
        var template = query.Template == QueryPlus.DefaultTemplate ? null : query.Template;
        try
        {
            return TextRules.Choose(
                template, TextRules.Auto, RecordFile.HoldsConversations(data.PathOf(query.Dataset)), served.Chat);
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"request: 'query_plus.template': {exception.Message}", exception);
        }
    }

    private static string RunText(SessionProvider provider, QueryPlus query)
    {
        List<string> lines =
        [
            $"model: {{ provider: {provider.Name} }}",
            $"pool: {{ names: {JsonSerializer.Serialize(provider.AdapterNames)} }}",
            $"validation: {ValidationFile}",
            "out: run",
            "search: evo-merging",
            "preset: paper",
            "fallback: none",
        ];
        if (query.Template != QueryPlus.DefaultTemplate) lines.Add($"template: {JsonSerializer.Serialize(query.Template)}");
        if (query.Sample != PaperSample) lines.Add($"settings: {{ sample: {query.Sample} }}");
        return string.Join('\n', lines) + "\n";
    }

    private WeightedRecipe Recipe(SessionCandidate candidate)
    {
        var recipe = new WeightedRecipe(
            MergeSpace.Factors,
            [.. served.Adapters.Select((adapter, i) => new AdapterShare(adapter.Name, candidate.Beta[i], candidate.Alpha[i]))]);
        try
        {
            served.Check(recipe);
            return recipe;
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException($"request: alpha and beta cannot be applied: {exception.Message}", exception);
        }
    }

    private async Task<string> WriteAsync(Session session, SessionCandidate candidate, CancellationToken cancellationToken)
    {
        var recipe = Recipe(candidate);
        var folder = Path.Combine(session.Folder, AdaptersFolder, candidate.Tag);
        await Task.Run(() => Write(session, candidate, recipe, folder), cancellationToken).ConfigureAwait(false);
        return $"{session.Id}/{AdaptersFolder}/{candidate.Tag}";
    }

    private void Write(Session session, SessionCandidate candidate, WeightedRecipe recipe, string folder)
    {
        var temporary = Path.Combine(Path.GetDirectoryName(folder)!, "." + candidate.Tag); // no tag begins so
        if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true); // of a request that was cut off
        Directory.CreateDirectory(temporary);
        PeftWriter.Write(temporary, new MergedAdapterBuilder(served.Merger).Build(recipe, candidate.Tag).Adapter, TensorType.F32);
        AtomicFile.WriteAllBytes(
            Path.Combine(temporary, ManifestFile),
            JsonReply.Bytes(new { session.PresetId, candidate.Alpha, candidate.Beta, QueryPlus = session.Query }));
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.Move(temporary, folder);
    }

    private sealed class CandidateCounts : IProgress<RunEvent>
    {
        private readonly Dictionary<string, int> counts = [];

        public int Of(string stage) => counts.GetValueOrDefault(stage);

        public void Report(RunEvent value)
        {
            if (value is CandidateEvaluated candidate) counts[candidate.Stage] = Of(candidate.Stage) + 1;
        }
    }
}

/// <param name="Alpha">[adapters] Keep fractions in [0, 1].</param>
/// <param name="Beta">[adapters] Weights.</param>
/// <param name="Tag">Names the folder of the adapter.</param>
internal sealed record SessionCandidate(IReadOnlyList<double> Alpha, IReadOnlyList<double> Beta, string Tag);

/// <summary>The authors' answer to <c>optimize</c>.</summary>
internal sealed record SessionResult(
    double BestLoss, IReadOnlyList<double> BestAlpha, IReadOnlyList<double> BestBeta, string CheckpointDir, int Stage1Evaluations,
    int Stage2Evaluations, string BestAdapterDir);
