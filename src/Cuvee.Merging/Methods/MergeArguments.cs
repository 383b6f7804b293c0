using Cuvee.Numerics;

namespace Cuvee.Merging.Methods;

/// <summary>Checked values for the parameters of one method, defaults filled in, and its seed. Immutable.</summary>
public sealed class MergeArguments
{
    private readonly Dictionary<string, double> values;
    private readonly Dictionary<string, double>[] adapterValues; // [adapters]
    private readonly MethodRecipe recipe;

    private MergeArguments(MethodRecipe recipe, Dictionary<string, double> values, Dictionary<string, double>[] adapterValues) =>
        (this.recipe, this.values, this.adapterValues) = (recipe, values, adapterValues);

    /// <exception cref="ArgumentException">A name that the method does not declare, or a value outside its range.</exception>
    public static MergeArguments For(IMergeMethod method, MethodRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(recipe);
        var values = Filled(method.Parameters, recipe.Parameters, $"method {method.Name}");
        return new MergeArguments(
            recipe,
            values,
            [.. recipe.Adapters.Select(adapter => Filled(
                method.AdapterParameters, adapter.Parameters, $"adapter '{adapter.Name}' in method {method.Name}", values))]);
    }

    /// <summary>Number of task vectors.</summary>
    public int Adapters => adapterValues.Length;

    /// <summary>The value of a declared parameter.</summary>
    public double this[string name] => values[name];

    /// <summary>The value of a declared parameter of one adapter, counted in the order of the task vectors. Where the merge as a whole has
    /// a parameter of that name, too, the whole's is the default.</summary>
    public double this[int adapter, string name] => adapterValues[adapter][name];

    /// <summary>A declared parameter of every adapter, in the order of the task vectors.</summary>
    public double[] OfAdapters(string name) => [.. adapterValues.Select(adapter => adapter[name])];

    /// <summary>A stream of its own for each module, so that the order of the modules does not matter.</summary>
    public SeededRandom RandomFor(string moduleName) => SeededRandom.Derive(recipe.Seed, $"{recipe.Method}/{moduleName}");

    /// <summary>A stream for one adapter in one module; it goes with the adapter's name, so that the order of listing does not
    /// matter.</summary>
    public SeededRandom RandomFor(string moduleName, int adapter) =>
        SeededRandom.Derive(recipe.Seed, $"{recipe.Method}/{moduleName}/{recipe.Adapters[adapter].Name}");

    private static Dictionary<string, double> Filled(
        IReadOnlyList<MergeParameter> declared, IReadOnlyDictionary<string, double> given, string owner,
        Dictionary<string, double>? whole = null)
    {
        var filled = declared.ToDictionary(
            parameter => parameter.Name, parameter => whole?.GetValueOrDefault(parameter.Name, parameter.Default) ?? parameter.Default,
            StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            var parameter = declared.FirstOrDefault(candidate => candidate.Name == name) ?? throw new ArgumentException(
                $"There is no parameter '{name}' of {owner}; known are {(filled.Count == 0 ? "none" : string.Join(", ", filled.Keys))}.");
            if (!(value >= parameter.Minimum && value <= parameter.Maximum))
            {
                throw new ArgumentException(
                    $"Parameter '{name}' of {owner} is {value}; it must lie in [{parameter.Minimum}, {parameter.Maximum}].");
            }

            if (parameter.Integral && value != Math.Truncate(value))
                throw new ArgumentException($"Parameter '{name}' of {owner} is {value}; it must be a whole number.");
            filled[name] = value;
        }

        return filled;
    }
}
