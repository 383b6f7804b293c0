using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>Checked values for the parameters of one method, defaults filled in, and its seed. Immutable.</summary>
public sealed class MergeArguments
{
    private readonly Dictionary<string, double> values;
    private readonly string method;
    private readonly ulong seed;

    private MergeArguments(string method, Dictionary<string, double> values, ulong seed) =>
        (this.method, this.values, this.seed) = (method, values, seed);

    /// <param name="values">By parameter name; what is missing takes its default.</param>
    /// <exception cref="ArgumentException">A name that the method does not declare, or a value outside its range.</exception>
    public static MergeArguments For(IMergeMethod method, IReadOnlyDictionary<string, double>? values = null, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(method);
        var filled = method.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Default, StringComparer.Ordinal);
        foreach (var (name, value) in values ?? new Dictionary<string, double>())
        {
            var parameter = method.Parameters.FirstOrDefault(candidate => candidate.Name == name) ?? throw new ArgumentException(
                $"Method {method.Name} has no parameter '{name}'; it knows " +
                $"{(filled.Count == 0 ? "none" : string.Join(", ", filled.Keys))}.");
            if (!(value >= parameter.Minimum && value <= parameter.Maximum))
            {
                throw new ArgumentException(
                    $"Parameter '{name}' of method {method.Name} is {value}; it must lie in [{parameter.Minimum}, {parameter.Maximum}].");
            }

            filled[name] = value;
        }

        return new MergeArguments(method.Name, filled, seed);
    }

    /// <summary>The value of a declared parameter.</summary>
    public double this[string name] => values[name];

    /// <summary>A stream of its own for each module, so that the order of the modules does not matter.</summary>
    public SeededRandom RandomFor(string moduleName) => SeededRandom.Derive(seed, $"{method}/{moduleName}");
}
