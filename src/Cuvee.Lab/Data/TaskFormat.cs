namespace Cuvee.Lab.Data;

/// <summary>
/// How a task is put to the model. Prompt: instruction, "Options: ..." (the labels that the data set knows, unless they are too many),
/// "Text: ...", the given line if any, "Answer:". Completion: one space, then the items joined by "; ", or "none". What all records of a
/// data set share stands first: an engine computes a common prefix once. One entry of the table per task; the zoo's base model and
/// specialists are trained on exactly these bytes.
/// </summary>
public sealed class TaskFormat
{
    public const string Separator = ";";

    /// <summary>A longer list of options is left out: it would fill the context.</summary>
    public const int MostOptions = 32;

    private static readonly TaskFormat[] Table =
    [
        new(LabTask.Ner, DataSetKind.Ner, "Extract the entities with their types.", EntityTypes, r => [new TaskQuestion(
            null,
            Items(r.Entities, e => $"{Label(e.Type)}: {e.Text}"),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Es, DataSetKind.Ner, "Extract the entity spans.", EntityTypes, r => [new TaskQuestion(
            null,
            Items(r.Entities, e => e.Text),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Et, DataSetKind.Ner, "Give the type of each entity.", EntityTypes, r => r.Entities.Count == 0 ? [] : [new TaskQuestion(
            "Entities: " + Join(Items(r.Entities, e => e.Text)),
            Items(r.Entities, e => $"{Label(e.Type)}: {e.Text}"),
            Items(r.Entities, e => e.Text))]),
        new(LabTask.Re, DataSetKind.Re, "Extract the relations.", RelationTypes, r => [new TaskQuestion(
            null,
            Items(r.Relations, x => $"{Label(x.Type)}: {x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Ep, DataSetKind.Re, "Extract the related pairs.", RelationTypes, r => [new TaskQuestion(
            null,
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Epr, DataSetKind.Re, "Give the relation of each pair.", RelationTypes, r => r.Relations.Count == 0 ? [] :
        [new TaskQuestion(
            "Pairs: " + Join(Items(r.Relations, x => $"{x.Head}, {x.Tail}")),
            Items(r.Relations, x => $"{Label(x.Type)}: {x.Head}, {x.Tail}"),
            Items(r.Relations, x => $"{x.Head}, {x.Tail}"))]),
        new(LabTask.Ee, DataSetKind.Event, "Extract the events with their arguments.", EventTypesAndRoles, r => [new TaskQuestion(
            null,
            [.. r.Events.SelectMany(e => Arguments(e).Prepend(Trigger(e))).Distinct()],
            [.. r.Events.SelectMany(e => e.Arguments.Select(a => a.Text).Prepend(e.Trigger))])]),
        new(LabTask.Eet, DataSetKind.Event, "Extract the event triggers with their types.", EventTypes, r => [new TaskQuestion(
            null,
            Items(r.Events, Trigger),
            Items(r.Events, e => e.Trigger))]),
        new(LabTask.Eea, DataSetKind.Event, "Extract the arguments of the event.", Roles, r => r.Events.Select(e => new TaskQuestion(
            $"Event: {Label(e.Type)}, {e.Trigger}",
            [.. Arguments(e).Distinct()],
            [.. e.Arguments.Select(a => a.Text).Prepend(e.Trigger)]))),
        new(LabTask.Classify, DataSetKind.Classify, "Classify the text.", Labels, r => [new TaskQuestion(null, [Label(r.Label!)], [])]),
    ];

    private readonly Func<DataRecord, IEnumerable<string>> labels;
    private readonly Func<DataRecord, IEnumerable<TaskQuestion>> ask;

    private TaskFormat(
        LabTask task, DataSetKind kind, string instruction, Func<DataRecord, IEnumerable<string>> labels,
        Func<DataRecord, IEnumerable<TaskQuestion>> ask)
    {
        Task = task;
        Kind = kind;
        Instruction = instruction;
        this.labels = labels;
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

    /// <summary>The labels that answers about these records may use, as answers write them, in ordinal order; empty where there are more
    /// than <see cref="MostOptions"/>.</summary>
    public IReadOnlyList<string> Options(IEnumerable<DataRecord> records)
    {
        var known = new SortedSet<string>(records.SelectMany(labels).Select(Label), StringComparer.Ordinal);
        return known.Count <= MostOptions ? [.. known] : [];
    }

    /// <param name="options">In the order in which they are shown; none for no such line.</param>
    public string Prompt(IReadOnlyList<string> options, string text, TaskQuestion question)
    {
        var shown = options.Count == 0 ? "" : $"Options: {string.Join(", ", options)}\n";
        var given = question.Given is null ? "" : question.Given + "\n";
        return $"{Instruction}\n{shown}Text: {text}\n{given}Answer:";
    }

    public static string Completion(TaskQuestion question) => " " + (question.Items.Count == 0 ? "none" : Join(question.Items));

    /// <summary>A label as options and answers write it.</summary>
    internal static string Label(string label) => label.ToLowerInvariant().Replace('_', ' ');

    private static string Join(IReadOnlyList<string> items) => string.Join(Separator + " ", items);

    private static string[] Items<T>(IEnumerable<T> annotations, Func<T, string> write) => [.. annotations.Select(write).Distinct()];

    private static string Trigger(EventMention mention) => $"{Label(mention.Type)}: {mention.Trigger}";

    private static IEnumerable<string> Arguments(EventMention mention) => mention.Arguments.Select(a => $"{Label(a.Role)}: {a.Text}");

    private static IEnumerable<string> EntityTypes(DataRecord record) => record.Entities.Select(entity => entity.Type);

    private static IEnumerable<string> RelationTypes(DataRecord record) => record.Relations.Select(relation => relation.Type);

    private static IEnumerable<string> EventTypes(DataRecord record) => record.Events.Select(mention => mention.Type);

    private static IEnumerable<string> Roles(DataRecord record) =>
        record.Events.SelectMany(mention => mention.Arguments.Select(argument => argument.Role));

    private static IEnumerable<string> EventTypesAndRoles(DataRecord record) => EventTypes(record).Concat(Roles(record));

    private static IEnumerable<string> Labels(DataRecord record) => record.Label is { } label ? [label] : [];
}
