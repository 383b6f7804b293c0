namespace Cuvee.Lab.Data;

/// <summary>
/// One line of a data set. Which of the annotation lists is filled follows from the data set's <see cref="DataSetKind"/>.
/// </summary>
public sealed record DataRecord(string Text)
{
    /// <summary>In the order of the file; repeated mentions are kept.</summary>
    public IReadOnlyList<Entity> Entities { get; init; } = [];

    public IReadOnlyList<Relation> Relations { get; init; } = [];

    public IReadOnlyList<EventMention> Events { get; init; } = [];

    /// <summary>Null but in classification sets.</summary>
    public string? Label { get; init; }
}

public sealed record Entity(string Type, string Text);

public sealed record Relation(string Type, string Head, string Tail);

public sealed record EventMention(string Type, string Trigger, IReadOnlyList<EventArgument> Arguments);

public sealed record EventArgument(string Role, string Text);
