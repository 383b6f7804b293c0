using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Numerics;

namespace Cuvee.Merging;

/// <summary>
/// The adapters of one base model, in ordinal order of name. All of them agree on the shape of every module that they share and on the base
/// model they name, whichever copy of it; ranks, scalings and the set of modules may differ. Immutable and thread-safe as long as nobody
/// writes the factor arrays.
/// </summary>
public sealed class AdapterPool
{
    /// <param name="adapters">At least one; names unique.</param>
    /// <param name="allowDifferentBases">Accept adapters whose configs name different base models.</param>
    /// <exception cref="BadInputException">Empty, or two adapters do not fit each other; both are named.</exception>
    public AdapterPool(IReadOnlyList<PeftAdapter> adapters, bool allowDifferentBases = false)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        Adapters = [.. adapters.OrderBy(adapter => adapter.Name, StringComparer.Ordinal)];
        AdapterPoolChecks.ThrowIfInconsistent(Adapters, allowDifferentBases);
        var modules = Adapters.SelectMany(adapter => adapter.Modules);
        ModuleNames = [.. modules.Select(module => module.Name).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Some adapter is DoRA, whose update holds on one base only.</summary>
    public bool HasDora => Adapters.Any(adapter => adapter.Modules.Any(IsDora));

    /// <summary>The same pool with the updates of its DoRA adapters expressed against a base; others stay as they are.</summary>
    /// <param name="baseWeight">[out, in] of a module by name; null where the base has none of that name.</param>
    /// <exception cref="BadInputException">A DoRA adapter was made for another base.</exception>
    public AdapterPool On(Func<string, StoredMatrix?> baseWeight)
    {
        ArgumentNullException.ThrowIfNull(baseWeight);
        if (!HasDora) return this;
        using var team = new ThreadTeam();
        try
        {
            return new AdapterPool([.. Adapters.Select(adapter => adapter with
            {
                Modules = [.. adapter.Modules.Select(module => module.Magnitude is null ? module : DoraBinding.Bind(
                    adapter.Name, module, baseWeight(module.Name) ?? throw new ArgumentException(
                        $"Adapter '{adapter.Name}' adapts module {module.Name}, which the base model does not have; use the base that it " +
                        "was trained on."), team))],
            })], allowDifferentBases: true); // checked before
        }
        catch (ArgumentException exception)
        {
            throw new BadInputException(exception.Message, exception);
        }
    }

    internal static bool IsDora(LoraModule module) => module.Magnitude is not null || module.RowFactors is not null;

    /// <summary>In ordinal order of name: the order in which every merge sums, whatever the order of a recipe.</summary>
    public IReadOnlyList<PeftAdapter> Adapters { get; }

    /// <summary>Every module that at least one adapter adapts, in ordinal order.</summary>
    public IReadOnlyList<string> ModuleNames { get; }

    /// <summary>
    /// Reads one adapter, PEFT's or a GGUF file, per sub-folder of <paramref name="folder"/>; sub-folders whose name starts with a dot are
    /// no adapters.
    /// </summary>
    /// <param name="exclude">Names of sub-folders to leave out; each must exist.</param>
    /// <exception cref="BadInputException">No such folder, an unknown name in <paramref name="exclude"/>, nothing left, or adapters that
    /// do not fit.</exception>
    /// <exception cref="BadInputException">An adapter that is neither LoRA nor DoRA, or a broken file.</exception>
    public static AdapterPool Load(
        string folder, IReadOnlyCollection<string>? exclude = null, bool allowDifferentBases = false, PeftReaderOptions? options = null) =>
        new([.. AdapterFolders(folder, exclude).Select(path => AdapterReader.Read(path, options))],
            allowDifferentBases);

    /// <summary>
    /// What <see cref="Load"/> would read, from the tensor files' headers alone: for plans and forecasts. The adapters' configurations are
    /// not checked.
    /// </summary>
    /// <exception cref="BadInputException">As for <see cref="Load"/>, or an adapter without a readable tensor file.</exception>
    public static IReadOnlyList<AdapterHeader> ReadHeaders(string folder, IReadOnlyCollection<string>? exclude = null) =>
        [.. AdapterFolders(folder, exclude).Select(AdapterHeader.Read)];

    /// <summary>The folders that <see cref="Load"/> would read, in ordinal order of name, without opening them.</summary>
    /// <exception cref="BadInputException">No such folder, GGUF files in it, an unknown name in <paramref name="exclude"/>, or nothing
    /// left.</exception>
    public static IReadOnlyList<string> AdapterFolders(string folder, IReadOnlyCollection<string>? exclude = null)
    {
        if (!Directory.Exists(folder)) throw new BadInputException($"{folder}: no such pool folder.");
        if (Directory.EnumerateFiles(folder).FirstOrDefault(AdapterReader.IsGguf) is { } file)
        {
            throw new BadInputException(
                $"{folder}: {Path.GetFileName(file)} lies in the pool's folder itself; put every .gguf adapter into a sub-folder of its " +
                "own.");
        }

        var names = Directory.GetDirectories(folder).Select(path => Path.GetFileName(path)!).Where(name => !name.StartsWith('.'))
            .Order(StringComparer.Ordinal).ToList();
        foreach (var name in exclude ?? [])
        {
            if (!names.Contains(name, StringComparer.Ordinal))
            {
                throw new BadInputException($"{folder}: exclude names '{name}', which is no sub-folder of the pool; correct or remove " +
                    "the name.");
            }
        }

        names.RemoveAll(name => exclude?.Contains(name, StringComparer.Ordinal) == true);
        if (names.Count == 0)
        {
            throw new BadInputException($"{folder}: the pool is empty; put one adapter into each sub-folder or exclude fewer.");
        }

        return [.. names.Select(name => Path.Combine(folder, name))];
    }
}
