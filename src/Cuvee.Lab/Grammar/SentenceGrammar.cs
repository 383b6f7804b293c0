using Cuvee.Lab.Data;
using Cuvee.Numerics;

namespace Cuvee.Lab.Grammar;

/// <summary>
/// A weighted context-free grammar whose sentences carry their entities. The notation is explained at the top of restaurant.grammar.
/// Immutable; sampling is a function of the random stream alone.
/// </summary>
public sealed class SentenceGrammar
{
    private const string Article = "a~";

    private readonly Dictionary<string, IReadOnlyList<GrammarNode.Alternative>> rules;

    private SentenceGrammar(Dictionary<string, IReadOnlyList<GrammarNode.Alternative>> rules) => this.rules = rules;

    public IEnumerable<string> RuleNames => rules.Keys;

    /// <param name="source">Names the grammar in errors.</param>
    /// <exception cref="InvalidDataException">Bad notation, or a rule that is defined twice, never or is empty.</exception>
    public static SentenceGrammar Parse(string text, string source)
    {
        var rules = new Dictionary<string, List<GrammarNode.Alternative>>(StringComparer.Ordinal);
        List<GrammarNode.Alternative>? current = null;
        var lineNumber = 0;
        foreach (var raw in text.Split('\n'))
        {
            lineNumber++;
            var line = raw.TrimEnd();
            if (line.Length == 0 || line[0] == '#') continue;
            if (line[0] == ' ')
            {
                if (current is null) throw new InvalidDataException($"{source}, line {lineNumber}: an alternative before the first rule.");
                current.AddRange(new GrammarParser(source, lineNumber, line).ParseLine());
            }
            else
            {
                if (line is not ['<', .., '>', ':']) throw new InvalidDataException($"{source}, line {lineNumber}: expected \"<rule>:\".");
                current = [];
                if (!rules.TryAdd(line[1..^2], current))
                    throw new InvalidDataException($"{source}, line {lineNumber}: {line[..^1]} is defined twice.");
            }
        }

        foreach (var (name, alternatives) in rules)
        {
            if (alternatives.Count == 0) throw new InvalidDataException($"{source}: <{name}> has no alternative.");
            var missing = alternatives.SelectMany(a => Mentions(a.Content)).FirstOrDefault(r => !rules.ContainsKey(r));
            if (missing is not null) throw new InvalidDataException($"{source}: <{name}> mentions <{missing}>, which is not defined.");
        }

        return new SentenceGrammar(
            rules.ToDictionary(r => r.Key, r => (IReadOnlyList<GrammarNode.Alternative>)r.Value, StringComparer.Ordinal));
    }

    /// <summary>The rules that can be reached from these.</summary>
    public IReadOnlySet<string> Reachable(params IEnumerable<string> starts)
    {
        var reached = new HashSet<string>(starts, StringComparer.Ordinal);
        var open = new Stack<string>(reached);
        while (open.TryPop(out var name))
        {
            foreach (var mentioned in rules[name].SelectMany(a => Mentions(a.Content)))
            {
                if (reached.Add(mentioned)) open.Push(mentioned);
            }
        }

        return reached;
    }

    /// <summary>
    /// The number of alternatives that a rule has, those of the rules in <paramref name="through"/> counted in their place.
    /// </summary>
    public int CountAlternatives(string rule, Func<string, bool> through) => rules[rule].Sum(a =>
        a.Content is [GrammarNode.Rule single] && through(single.Name) ? CountAlternatives(single.Name, through) : 1);

    /// <summary>One sentence of <paramref name="start"/> with its entities in order.</summary>
    public DataRecord Sample(string start, SeededRandom random)
    {
        var words = new List<string>();
        var spans = new List<(string Type, int Start, int End)>(); // word positions, end exclusive
        Expand([new GrammarNode.Rule(start)], random, words, spans);
        for (var i = 0; i < words.Count; i++)
        {
            if (words[i] == Article) words[i] = i + 1 < words.Count && SoundsLikeVowel(words[i + 1]) ? "an" : "a";
        }

        return new DataRecord(string.Join(' ', words))
        {
            Entities = [.. spans.OrderBy(s => s.Start).Select(s => new Entity(s.Type, string.Join(' ', words[s.Start..s.End])))],
        };
    }

    private void Expand(
        IReadOnlyList<GrammarNode> nodes, SeededRandom random, List<string> words, List<(string Type, int Start, int End)> spans)
    {
        foreach (var node in nodes)
        {
            switch (node)
            {
                case GrammarNode.Word word:
                    words.Add(word.Text);
                    break;
                case GrammarNode.Rule rule:
                    Expand(Draw(rules[rule.Name], random), random, words, spans);
                    break;
                case GrammarNode.Choice choice:
                    Expand(Draw(choice.Alternatives, random), random, words, spans);
                    break;
                case GrammarNode.Entity entity:
                    var start = words.Count;
                    Expand(entity.Content, random, words, spans);
                    spans.Add((entity.Type, start, words.Count));
                    break;
            }
        }
    }

    private static IReadOnlyList<GrammarNode> Draw(IReadOnlyList<GrammarNode.Alternative> alternatives, SeededRandom random)
    {
        var ticket = random.NextInt32(alternatives.Sum(a => a.Weight));
        foreach (var alternative in alternatives)
        {
            ticket -= alternative.Weight;
            if (ticket < 0) return alternative.Content;
        }

        throw new InvalidOperationException("The weights do not cover the draw.");
    }

    private static IEnumerable<string> Mentions(IEnumerable<GrammarNode> nodes) => nodes.SelectMany(node => node switch
    {
        GrammarNode.Rule rule => [rule.Name],
        GrammarNode.Choice choice => choice.Alternatives.SelectMany(a => Mentions(a.Content)),
        GrammarNode.Entity entity => Mentions(entity.Content),
        _ => Enumerable.Empty<string>(),
    });

    /// <summary>By the first letters; enough for the words of the grammar ("a ukrainian", "an uzbek").</summary>
    private static bool SoundsLikeVowel(string word) =>
        word[0] is 'a' or 'e' or 'i' or 'o' or 'u' && !word.StartsWith("eu") && !word.StartsWith("uk") && !word.StartsWith("uni");
}
