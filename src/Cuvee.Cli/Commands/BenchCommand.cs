using System.CommandLine;
using System.Text.Json.Nodes;
using Cuvee.Benchmarks;
using Cuvee.CommandLine;
using Cuvee.Formats;
using Cuvee.Inference;
using Cuvee.Inference.Tokenization;
using Cuvee.Merging;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee bench</c>: how fast this machine runs a search.</summary>
internal static class BenchCommand
{
    private const int MostThreads = 1024;

    public static Command Create() => new("bench", "How fast this machine runs Cuvee.")
    {
        CreateCandidate(), CreateInference(), CreateTokenize(), BenchServeCommand.Create(),
    };

    private static ExampleCommand CreateCandidate()
    {
        var defaults = new CandidateBenchmarkOptions();
        var space = new Option<string>("--space") { Description = "Where adapters are merged.", DefaultValueFactory = _ => "factors" };
        space.AcceptOnlyFromAmong("factors", "delta");
        var adapters = Count("--adapters", "Adapters of the pool.", defaults.Adapters);
        var rank = Count("--rank", "Rank of each adapter.", defaults.Rank);
        var sequences = Count("--sequences", "Records scored.", defaults.Sequences);
        var length = Count("--length", "Tokens a record.", defaults.Length);
        var scored = Count("--scored", "Scored tokens a record, the last ones.", defaults.Scored);
        var repetitions = Count("--repetitions", "Candidates timed; the median counts.", defaults.Repetitions);
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "candidate",
            "Time one candidate of a search: merge, packing and forward pass, beside the speed of matrix products in the same run.",
            "cuvee bench candidate",
            "cuvee bench candidate --space delta --adapters 100 --rank 8 --sequences 32 --length 128 --scored 20 --json")
            { space, adapters, rank, sequences, length, scored, repetitions, json };
        command.Validators.Add(arguments =>
        {
            if (arguments.GetValue(scored) > arguments.GetValue(length))
                arguments.AddError($"--scored is {arguments.GetValue(scored)}; it must be at most --length, {arguments.GetValue(length)}.");
        });
        command.SetAction((arguments, cancellationToken) => Task.Run(
            () =>
            {
                var options = new CandidateBenchmarkOptions
                {
                    Space = arguments.GetValue(space) == "delta" ? MergeSpace.Delta : MergeSpace.Factors,
                    Adapters = arguments.GetValue(adapters),
                    Rank = arguments.GetValue(rank),
                    Sequences = arguments.GetValue(sequences),
                    Length = arguments.GetValue(length),
                    Scored = arguments.GetValue(scored),
                    Repetitions = arguments.GetValue(repetitions),
                };
                var result = CandidateBenchmark.Run(options, TimeProvider.System, cancellationToken);
                arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json) ? Json(result).ToJsonString() : Text(result));
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static ExampleCommand CreateInference()
    {
        var model = ModelSelection.ModelOption();
        var prompt = Count("--prompt", "Tokens of the prompt that is read at once.", 512);
        var generate = Count("--generate", "Tokens generated per sequence.", 32);
        var sequences = Count("--sequences", "Sequences generated at the same time.", 1);
        var repetitions = Count("--repetitions", "Runs timed after the first one; the median counts.", 5);
        var threads = new Option<int?>("--threads") { Description = "Threads; one a processor without it.", HelpName = "N" };
        threads.Validators.Add(given =>
        {
            if (given.GetValueOrDefault<int?>() is < 1 or > MostThreads) given.AddError($"--threads must be 1 to {MostThreads}.");
        });
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "inference",
            "Time reading a prompt and generating tokens with a model as it is stored.",
            "cuvee bench inference --model zoo/base --prompt 256",
            "cuvee bench inference --model zoo/base --prompt 128 --generate 16 --sequences 16 --json")
            { model, prompt, generate, sequences, repetitions, threads, json };
        command.SetAction((arguments, cancellationToken) => Task.Run(
            () =>
            {
                var folder = arguments.GetRequiredValue(model);
                using var loaded = ModelFolder.Open(folder).Load(arguments.GetValue(threads));
                var context = loaded.Weights.Config.MaxPositionEmbeddings;
                if (Math.Max(arguments.GetValue(prompt), arguments.GetValue(generate) + 9) >= context)
                    throw new BadInputException($"{folder}: the model's context is {context}; lower --prompt or --generate.");
                var result = InferenceBenchmark.Run(
                    loaded.Weights, arguments.GetValue(prompt), arguments.GetValue(generate), arguments.GetValue(sequences),
                    arguments.GetValue(repetitions), arguments.GetValue(threads), TimeProvider.System, cancellationToken);
                arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json)
                    ? JsonOutput.Line(result)
                    : $"prefill {result.PrefillTokensPerSecond:0.0} tokens/s ({result.PromptTokens} tokens), decode " +
                        $"{result.DecodeTokensPerSecond:0.0} tokens/s ({result.Sequences} at a time); {result.Format}, {result.Threads} " +
                        "threads");
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static ExampleCommand CreateTokenize()
    {
        var model = ModelSelection.ModelOption();
        var text = new Option<string>("--text") { Description = "UTF-8 text, one document a line.", HelpName = "FILE", Required = true };
        var repetitions = Count("--repetitions", "Passes timed after the first one; the median counts.", 5);
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "tokenize",
            "Time the encoding of a text file by one thread, in processor time.",
            "cuvee bench tokenize --model zoo/base --text README.md",
            "cuvee bench tokenize --model zoo/base --text README.md --repetitions 9 --json") { model, text, repetitions, json };
        command.SetAction((arguments, cancellationToken) => Task.Run(
            () =>
            {
                var folder = arguments.GetRequiredValue(model);
                var result = TokenizerBenchmark.Run(
                    () => Tokenizer.Open(folder), ReadDocuments(arguments.GetRequiredValue(text)), arguments.GetValue(repetitions),
                    () => Environment.CpuUsage.TotalTime, cancellationToken);
                arguments.InvocationConfiguration.Output.WriteLine(arguments.GetValue(json) ? JsonOutput.Line(result) : Text(result));
                return ExitCode.Done;
            },
            cancellationToken));
        return command;
    }

    private static string[] ReadDocuments(string path)
    {
        try
        {
            return File.ReadAllLines(path) is { Length: > 0 } lines
                ? lines
                : throw new BadInputException($"--text {path}: is empty; give a file of text.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(
                $"--text {path}: cannot be read ({exception.Message.TrimEnd('.')}); give a file of text.", exception);
        }
    }

    private static string Text(TokenizerBenchmarkResult result) =>
        $"{result.MegabytesPerSecond:0.00} MB/s of processor time, {result.FirstMegabytesPerSecond:0.00} MB/s the first time; " +
        $"{result.Bytes} bytes, {result.Tokens} tokens; vocabulary read in {result.LoadMilliseconds:0} ms";

    internal static Option<int> Count(string name, string description, int value) =>
        new Option<int>(name) { Description = description, DefaultValueFactory = _ => value, HelpName = "N" }.AtLeast(1);

    private static JsonObject Json(CandidateBenchmarkResult result)
    {
        var json = new JsonObject
        {
            ["space"] = result.Space.ToString().ToLowerInvariant(),
            ["milliseconds"] = result.Milliseconds,
            ["base_milliseconds"] = result.BaseMilliseconds,
            ["gflop"] = result.Gflop,
            ["gflops"] = result.Gflops,
            ["gemm_gflops"] = result.GemmGflops,
        };
        if (result.OpenBlasGflops is { } rate) (json["openblas_gflops"], json["openblas"]) = (rate, result.OpenBlasDescription);
        return json;
    }

    private static string Text(CandidateBenchmarkResult result)
    {
        var reference = result.OpenBlasGflops is { } rate
            ? $"OpenBLAS {rate:0} GFLOP/s, at which the candidate would take {result.Gflop / rate * 1000:0} ms " +
                $"({result.OpenBlasDescription})"
            : "OpenBLAS is not installed";
        return $"{result.Milliseconds:0.0} ms a candidate in {result.Space.ToString().ToLowerInvariant()}: " +
            $"the base alone {result.BaseMilliseconds:0.0}; " +
            $"{result.Gflop:0.0} GFLOP, {result.Gflops:0} GFLOP/s\n" +
            $"matrix products in the same run: Cuvee {result.GemmGflops:0} GFLOP/s; {reference}";
    }
}
