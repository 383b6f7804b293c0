using Cuvee.Formats;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Data;

/// <summary>Turns the records of a data set into the prompts and completions of a task.</summary>
public static class TaskBuilder
{
    /// <param name="limit">At most this many records, the first ones of the split; null for all.</param>
    /// <exception cref="BadInputException">The data set's kind does not yield the task.</exception>
    public static TaskRecords Build(DataSet dataSet, LabTask task, Split split, int? limit = null)
    {
        var format = TaskFormat.Of(task);
        if (format.Kind != dataSet.Kind)
        {
            var possible = string.Join(", ", TaskFormat.For(dataSet.Kind).Select(f => f.Task.ToString().ToLowerInvariant()));
            throw new BadInputException(
                $"The data set \"{dataSet.Name}\" does not yield the task {task.ToString().ToLowerInvariant()}; choose one of {possible}.");
        }

        var options = format.Options(dataSet.Labelled);
        var idPrefix = $"{dataSet.Name}-{split.ToString().ToLowerInvariant()}-";
        var records = new List<PromptCompletion>();
        var separator = 0;
        var empty = 0;
        foreach (var record in dataSet.Records(split))
        {
            if (records.Count >= limit) break;
            var questions = format.Questions(record).ToList();
            if (questions.Count == 0) empty++;
            foreach (var question in questions)
            {
                if (records.Count >= limit) break;
                if (question.Spans.Any(s => s.Contains(TaskFormat.Separator, StringComparison.Ordinal))) separator++;
                else
                {
                    records.Add(new(
                        idPrefix + records.Count, format.Prompt(options, record.Text, question), TaskFormat.Completion(question)));
                }
            }
        }

        return new TaskRecords(records, separator, empty);
    }
}
