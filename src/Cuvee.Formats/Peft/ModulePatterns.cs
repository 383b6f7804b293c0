using System.Text.RegularExpressions;

namespace Cuvee.Formats.Peft;

/// <summary><c>rank_pattern</c> or <c>alpha_pattern</c>: per-module overrides in file order, of which the first match wins.</summary>
internal sealed class ModulePatterns
{
    private static readonly TimeSpan MatchTimeout = TimeSpan.FromSeconds(1);

    private readonly List<(string Key, Regex Pattern, double Value)> _patterns = [];

    /// <exception cref="ArgumentException"><paramref name="key"/> is not a regular expression.</exception>
    public void Add(string key, double value)
    {
        // PEFT matches with Python's re.match, which holds the start only: the optional prefix lets a key name a module's tail.
        _patterns.Add((key, new Regex($@"\A(.*\.)?({key})$", RegexOptions.CultureInvariant, MatchTimeout), value));
    }

    /// <summary>The value of the first pattern that matches the module's path in the base model; null when none does.</summary>
    /// <exception cref="RegexMatchTimeoutException">A pattern backtracks without end.</exception>
    public double? Find(string module)
    {
        foreach (var (_, pattern, value) in _patterns)
        {
            if (pattern.IsMatch(module)) return value;
        }

        return null;
    }
}
