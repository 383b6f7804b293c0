using System.Collections;

namespace Cuvee.Merging.Methods;

/// <summary>
/// The methods that recipes may name, in ordinal order of name. One more is <c>MergeMethods.Default.With(new MyMethod())</c>, handed to
/// <see cref="RecipeMerger"/>. Immutable.
/// </summary>
public sealed class MergeMethods : IReadOnlyList<IMergeMethod>
{
    private readonly IMergeMethod[] methods;

    /// <exception cref="ArgumentException">A name is missing, repeated or reserved; the message says which.</exception>
    public MergeMethods(IEnumerable<IMergeMethod> methods)
    {
        this.methods = [.. methods.OrderBy(method => method.Name, StringComparer.Ordinal)];
        for (var i = 0; i < this.methods.Length; i++) ThrowIfMisnamed(this.methods[i], i > 0 ? this.methods[i - 1].Name : null);
    }

    /// <summary>What Cuvee brings.</summary>
    public static MergeMethods Default { get; } = new(
    [
        new LinearMerge(), new TaskArithmetic(), new TiesMerge(), new DareLinear(), new DareTies(), new SlerpMerge(), new DellaMerge(),
        new BreadcrumbsMerge(), new EmrMerge(), new TsvMerge(),
    ]);

    public int Count => methods.Length;

    public IMergeMethod this[int index] => methods[index];

    public MergeMethods With(params IEnumerable<IMergeMethod> more) => new(methods.Concat(more));

    /// <exception cref="ArgumentException">No method of that name; the message lists the known ones.</exception>
    public IMergeMethod Find(string name) => methods.FirstOrDefault(method => method.Name == name) ?? throw new ArgumentException(
        $"Merge method '{name}' is unknown; use one of {string.Join(", ", methods.Select(method => method.Name))}.");

    public IEnumerator<IMergeMethod> GetEnumerator() => ((IEnumerable<IMergeMethod>)methods).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void ThrowIfMisnamed(IMergeMethod method, string? before)
    {
        if (string.IsNullOrWhiteSpace(method.Name)) throw new ArgumentException($"{method.GetType().Name} has no name; give it one.");
        if (method.Name == before) throw new ArgumentException($"Two merge methods are named '{method.Name}'; rename one.");
        foreach (var parameters in (IReadOnlyList<MergeParameter>[])[method.Parameters, method.AdapterParameters])
        {
            if (parameters.DistinctBy(parameter => parameter.Name).Count() < parameters.Count)
                throw new ArgumentException($"Merge method '{method.Name}' declares a parameter twice; keep one.");
        }

        if (method.AdapterParameters.Any(parameter => parameter.Name == "name"))
            throw new ArgumentException($"Merge method '{method.Name}' calls a parameter of adapters 'name'; choose another word.");
    }
}
