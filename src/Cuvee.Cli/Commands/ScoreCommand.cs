using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Data;

namespace Cuvee.Cli.Commands;

/// <summary><c>cuvee score</c>: log-probability of every record's completion.</summary>
internal static class ScoreCommand
{
    public static Command Create()
    {
        var selection = new ModelSelection();
        var data = RecordQuestions.DataOption();
        var json = JsonOutput.Option();
        var command = new ExampleCommand(
            "score",
            "Log-probability of each record's completion after its prompt, in nats, end of sequence included; the loss is nats per token.",
            "cuvee score --model zoo/base --data samples/restaurant/test.jsonl",
            "cuvee score --model zoo/base --adapter runs/restaurant-1 --data samples/restaurant/test.jsonl --json",
            "cuvee score --model zoo/base --pool zoo/adapters --recipe runs/restaurant-1/recipe.json " +
                "--data samples/restaurant/test.jsonl --json");
        selection.AddTo(command);
        command.Options.Add(data);
        command.Options.Add(json);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var path = arguments.GetRequiredValue(data);
            var (loaded, template) = selection.Load(arguments, path);
            using var model = loaded;
            var records = RecordFile.Read(path, template);
            var scores = await RecordQuestions.AnswerAsync(path, model.ScoreAsync(records, cancellationToken));
            var (sum, tokens) = (scores.Sum(score => score.LogProbability), scores.Sum(score => (long)score.Tokens));
            if (!double.IsFinite(sum))
            {
                var first = records.Zip(scores).First(pair => !double.IsFinite(pair.Second.LogProbability)).First;
                throw new InvalidOperationException(
                    $"{path}: the model gives record '{first.Id}' no finite log-probability; its weights are out of range.");
            }

            var output = arguments.InvocationConfiguration.Output;
            var asJson = arguments.GetValue(json);
            foreach (var (record, score) in records.Zip(scores))
            {
                await output.WriteLineAsync(asJson
                    ? JsonOutput.Line(new { record.Id, Logprob = score.LogProbability, score.Tokens })
                    : $"{record.Id}\t{score.LogProbability:0.0000}\t{score.Tokens}");
            }

            var loss = -sum / tokens;
            await output.WriteLineAsync(asJson
                ? JsonOutput.Line(new { Summary = new { Loss = loss, Records = records.Count, Tokens = tokens } })
                : $"loss {loss:0.0000} nats per token over {records.Count} records, {tokens} tokens");
            return ExitCode.Done;
        });
        return command;
    }
}
