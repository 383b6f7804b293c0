namespace Cuvee.Lab.Grammar;

/// <summary>A part of an alternative.</summary>
internal abstract record GrammarNode
{
    public sealed record Word(string Text) : GrammarNode;

    /// <summary>An expansion of a rule.</summary>
    public sealed record Rule(string Name) : GrammarNode;

    /// <summary>One of several.</summary>
    public sealed record Choice(IReadOnlyList<Alternative> Alternatives) : GrammarNode;

    /// <summary>The words inside are the span of an entity of this type.</summary>
    public sealed record Entity(string Type, IReadOnlyList<GrammarNode> Content) : GrammarNode;

    /// <param name="Weight">How often it is taken beside its siblings; at least 1.</param>
    public sealed record Alternative(int Weight, IReadOnlyList<GrammarNode> Content);
}
