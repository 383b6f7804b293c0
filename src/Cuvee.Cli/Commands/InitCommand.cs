using System.CommandLine;
using System.Text;
using Cuvee.CommandLine;
using Cuvee.Configuration;
using Cuvee.Data;
using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Merging;
using Cuvee.Metrics;
using Cuvee.Planning;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee init</c>: a commented run file for a pool and its records, planned as <c>cuvee merge</c> would.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("run.yaml") { Description = "The run file to write.", DefaultValueFactory = _ => "run.yaml" };
        var model = ModelSelection.ModelOption();
        var pool = Required("--pool", "Folder of adapters, or of whole models, one a sub-folder.", "DIR");
        var exclude = new Option<string[]>("--exclude")
        {
            Description = "Adapters to leave out.",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "NAME",
            DefaultValueFactory = _ => [],
        };
        var validation = Required("--validation", "Labelled records that the search may ask: JSON lines or an alpaca array.", "FILE");
        var test = new Option<string?>("--test") { Description = "Labelled records for the table alone.", HelpName = "FILE" };
        var template = TextSelection.TemplateOption();
        var results = new Option<string?>("--out")
        {
            Description = "Folder of the results; one named like the run file, beside it, unless given.",
            HelpName = "DIR",
        };
        var searches = Catalog.Default.AllSearches.Select(each => each.Name).ToArray();
        var search = new Option<string>("--search") { Description = "How to search.", DefaultValueFactory = _ => "fisher-probing" };
        search.AcceptOnlyFromAmong(searches);
        var metric = new Option<string?>("--metric") { Description = "Task metric; guessed from the answers unless given." };
        metric.AcceptOnlyFromAmong([.. MetricCatalog.Names]);
        var queries = new Option<int?>("--queries") { Description = "Records asked at most.", HelpName = "N" };
        var force = new Option<bool>("--force") { Description = "Replace a run file that is there." };
        var command = new ExampleCommand(
            "init",
            "Write a commented run file for a pool and a file of labelled records; keys, records and budget are checked, the adapters' " +
                "weights are read by merge.",
            "cuvee init runs/first.yaml --model zoo/base --pool zoo/adapters --validation samples/restaurant/validation.jsonl",
            "cuvee init runs/first.yaml --model zoo/base --pool zoo/adapters --exclude ner-mit-restaurant " +
                "--validation samples/restaurant/validation.jsonl --test samples/restaurant/test.jsonl --queries 6000 --force")
            { file, model, pool, exclude, validation, test, template, results, search, metric, queries, force };
        command.SetAction(async (arguments, _) =>
        {
            var path = Path.GetFullPath(arguments.GetRequiredValue(file));
            if (Directory.Exists(path)) throw new BadInputException($"{path}: is a folder; name the run file to write.");
            if (File.Exists(path) && !arguments.GetValue(force))
                throw new BadInputException($"{path}: the file is there already; choose another name, or add --force to replace it.");
            var folder = Path.GetDirectoryName(path)!;
            var records = RecordFile.Read(arguments.GetRequiredValue(validation));
            var named = arguments.GetValue(metric);
            var poolFolder = Path.GetFullPath(arguments.GetRequiredValue(pool));
            var excluded = arguments.GetRequiredValue(exclude);
            var members = AdapterPool.AdapterFolders(poolFolder, excluded);
            var (adapters, whole) = (members.Count, members.All(HuggingFaceModelReader.HoldsWeights));
            var text = new RunTemplate
            {
                Folder = folder,
                Model = Path.GetFullPath(arguments.GetRequiredValue(model)),
                Pool = poolFolder,
                WholeModels = whole,
                Exclude = excluded,
                Validation = Path.GetFullPath(arguments.GetRequiredValue(validation)),
                Test = arguments.GetValue(test) is { } testFile ? Path.GetFullPath(testFile) : null,
                Template = arguments.GetValue(template),
                Out = arguments.GetValue(results) is { } given ? Path.GetFullPath(given) : ResultsBeside(path),
                Search = arguments.GetRequiredValue(search),
                Metric = named is null ? RunTemplate.MetricFor(records) : MetricCatalog.Get(named),
                MetricIsGuess = named is null,
                Queries = arguments.GetValue(queries) ?? RunTemplate.BudgetFor(RunPlanner.ScreeningQueries(adapters, records.Count)),
            }.ToYaml();
            var plans = RunPlanner.Plan(RunConfiguration.Parse(text, path), resume: true); // what merge would refuse is refused now
            Directory.CreateDirectory(folder);
            AtomicFile.WriteAllBytes(path, Encoding.UTF8.GetBytes(text));

            var output = arguments.InvocationConfiguration.Output;
            var shown = ShellWord.Of(arguments.GetRequiredValue(file));
            await output.WriteLineAsync(
                $"{path}: {plans[0].Title}, {plans[0].AdapterNames.Count} {(whole ? "models" : "adapters")}, " +
                $"{records.Count} validation records");
            await output.WriteLineAsync($"what it will cost: cuvee merge {shown} --dry-run");
            await output.WriteLineAsync($"go:                cuvee merge {shown}");
            return ExitCode.Done;
        });
        return command;
    }

    private static string ResultsBeside(string path) => Path.HasExtension(path) ? Path.ChangeExtension(path, null) : path + "-results";

    private static Option<string> Required(string name, string description, string help) =>
        new(name) { Description = description, HelpName = help, Required = true };
}
