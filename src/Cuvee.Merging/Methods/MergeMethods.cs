namespace Cuvee.Merging.Methods;

/// <summary>The methods that users can name.</summary>
public static class MergeMethods
{
    /// <summary>In ordinal order of name.</summary>
    public static IReadOnlyList<IMergeMethod> All { get; } = [new LinearMerge(), new TaskArithmetic()];

    /// <exception cref="ArgumentException">No method of that name; the message lists the known ones.</exception>
    public static IMergeMethod Find(string name) => All.FirstOrDefault(method => method.Name == name) ?? throw new ArgumentException(
        $"Merge method '{name}' is unknown; use one of {string.Join(", ", All.Select(method => method.Name))}.");
}
