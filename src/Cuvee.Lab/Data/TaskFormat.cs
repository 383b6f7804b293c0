namespace Cuvee.Lab.Data;

/// <summary>
/// How a task is put to the model. Prompt: instruction, "Text: ...", the given line if any, "Answer:". Completion: one space,
/// then the items joined by "; ", or "none". One entry of the table per task; the zoo's base model and specialists are
/// trained on exactly these bytes.
/// </summary>
public sealed class TaskFormat
{
    public const string Separator = ";";

    private static readonly TaskFormat[] Table =
    [
        new(LabTask.Ner, DataSetKind.Ner, "Extract the entities with their types.", r => [new TaskQuestion(
            null,
            Items(r.Entities, e => $"{Label(e.Type)}: {e.Text}"),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Es, DataSetKind.Ner, "Extract the entity spans.", r => [new TaskQuestion(
            null,
            Items(r.Entities, e => e.Text),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Et, DataSetKind.Ner, "Give the type of each entity.", r => r.Entities.Count == 0 ? [] : [new TaskQuestion(
            "Entities: " + Join(Items(r.Entities, e => e.Text)),
            Items(r.Entities, e => $"{Label(e.Type)}: {e.Text}"),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Re, DataSetKind.Re, "Extract the relations.", r => [new TaskQuestion(
            null,
            Items(r.Relations, x => $"{Label(x.Type)}: {x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Ep, DataSetKind.Re, "Extract the related pairs.", r => [new TaskQuestion(
            null,
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Epr, DataSetKind.Re, "Give the relation of each pair.", r => r.Relations.Count == 0 ? [] : [new TaskQuestion(
            "Pairs: " + Join(Items(r.Relations, x => $"{x.Head}, {x.Tail}")),
            Items(r.Relations, x => $"{Label(x.Type)}: {x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Ee, DataSetKind.Event, "Extract the events with their arguments.", r => [new TaskQuestion(
            null,
            [.. r.Events.SelectMany(e => Arguments(e).Prepend(Trigger(e))).Distinct()],
            [.. r.Events.SelectMany(e => e.Arguments.Select(a => a.Text).Prepend(e.Trigger))])]),
        new(LabTask.Eet, DataSetKind.Event, "Extract the event triggers with their types.", r => [new TaskQuestion(
            null,
            Items(r.Events, Trigger),
            Items(r.Events, e => e.Trigger))]),
        new(LabTask.Eea, DataSetKind.Event, "Extract the arguments of the event.", r => r.Events.Select(e => new TaskQuestion(
            $"Event: {Label(e.Type)}, {e.Trigger}",
            [.. Arguments(e).Distinct()],
            [.. e.Arguments.Select(a => a.Text).Prepend(e.Trigger)]))),
        new(LabTask.Classify, DataSetKind.Classify, "Classify the text.", r => [new TaskQuestion(null, [Label(r.Label!)], [])]),
    ];

    private readonly Func<DataRecord, IEnumerable<TaskQuestion>> ask;

    private TaskFormat(LabTask task, DataSetKind kind, string instruction, Func<DataRecord, IEnumerable<TaskQuestion>> ask)
    {
        Task = task;
        Kind = kind;
        Instruction = instruction;
        this.ask = ask;
    }

    public LabTask Task { get; }

    /// <summary>The kind of data set that the task can be asked of.</summary>
    public DataSetKind Kind { get; }

    public string Instruction { get; }

    public static TaskFormat Of(LabTask task) => Table.Single(f => f.Task == task);

    /// <summary>The tasks that a kind of data set yields.</summary>
    public static IEnumerable<TaskFormat> For(DataSetKind kind) => Table.Where(f => f.Kind == kind);

    /// <summary>One question per record; one per event for <see cref="LabTask.Eea"/>; none where there is nothing to ask about.</summary>
    public IEnumerable<TaskQuestion> Questions(DataRecord record) => ask(record);

    public string Prompt(string text, TaskQuestion question) =>
        question.Given is null ? $"{Instruction}\nText: {text}\nAnswer:" : $"{Instruction}\nText: {text}\n{question.Given}\nAnswer:";

    public static string Completion(TaskQuestion question) => " " + (question.Items.Count == 0 ? "none" : Join(question.Items));

    private static string Label(string label) => label.ToLowerInvariant().Replace('_', ' ');

    private static string Join(IReadOnlyList<string> items) => string.Join(Separator + " ", items);

    private static string[] Items<T>(IEnumerable<T> annotations, Func<T, string> write) => [.. annotations.Select(write).Distinct()];

    private static string Trigger(EventMention mention) => $"{Label(mention.Type)}: {mention.Trigger}";

    private static IEnumerable<string> Arguments(EventMention mention) => mention.Arguments.Select(a => $"{Label(a.Role)}: {a.Text}");
}
