namespace Cuvee.Lab.Grammar;

/// <summary>Reads one line of alternatives: <c>2* a word | &lt;rule&gt; (this|that) | {type: span}</c>.</summary>
internal sealed class GrammarParser(string source, int lineNumber, string line)
{
    private const string Special = "<>{}()|";

    private int position;

    public IReadOnlyList<GrammarNode.Alternative> ParseLine()
    {
        var alternatives = ParseAlternatives();
        return position == line.Length ? alternatives : throw Error($"unexpected '{line[position]}'");
    }

    private List<GrammarNode.Alternative> ParseAlternatives()
    {
        var alternatives = new List<GrammarNode.Alternative>();
        do
        {
            var weight = ParseWeight();
            alternatives.Add(new GrammarNode.Alternative(weight, ParseSequence()));
        }
        while (Take('|'));
        return alternatives;
    }

    private List<GrammarNode> ParseSequence()
    {
        var nodes = new List<GrammarNode>();
        while (true)
        {
            SkipSpaces();
            if (position == line.Length || line[position] is '|' or ')' or '}') return nodes;
            if (Take('<')) nodes.Add(new GrammarNode.Rule(ReadUntil('>')));
            else if (Take('('))
            {
                nodes.Add(new GrammarNode.Choice(ParseAlternatives()));
                Expect(')');
            }
            else if (Take('{'))
            {
                var type = ReadUntil(':');
                nodes.Add(new GrammarNode.Entity(type, ParseSequence()));
                Expect('}');
            }
            else nodes.Add(new GrammarNode.Word(ReadWord()));
        }
    }

    /// <summary>"3*" gives 3; nothing gives 1.</summary>
    private int ParseWeight()
    {
        SkipSpaces();
        var end = position;
        while (end < line.Length && char.IsAsciiDigit(line[end])) end++;
        if (end == position || end == line.Length || line[end] != '*') return 1;
        var weight = int.Parse(line.AsSpan(position, end - position));
        position = end + 1;
        return weight > 0 ? weight : throw Error("a weight must be at least 1");
    }

    private string ReadWord()
    {
        var start = position;
        while (position < line.Length && line[position] != ' ' && !Special.Contains(line[position])) position++;
        return position > start ? line[start..position] : throw Error($"unexpected '{line[position]}'");
    }

    private string ReadUntil(char end)
    {
        var close = line.IndexOf(end, position);
        if (close <= position) throw Error($"expected a name and '{end}'");
        var name = line[position..close];
        position = close + 1;
        return name;
    }

    private void SkipSpaces()
    {
        while (position < line.Length && line[position] == ' ') position++;
    }

    private bool Take(char c)
    {
        if (position == line.Length || line[position] != c) return false;
        position++;
        return true;
    }

    private void Expect(char c)
    {
        if (!Take(c)) throw Error($"expected '{c}'");
    }

    private InvalidDataException Error(string what) => new($"{source}, line {lineNumber}, column {position + 1}: {what}.");
}
