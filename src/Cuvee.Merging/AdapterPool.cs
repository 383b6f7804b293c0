using Cuvee.Formats.Peft;

namespace Cuvee.Merging;

/// <summary>The adapters of one base model, in ordinal order of name.</summary>
public sealed class AdapterPool
{
    public AdapterPool(IReadOnlyList<PeftAdapter> adapters) => Adapters = adapters;

    public IReadOnlyList<PeftAdapter> Adapters { get; }

    /// <summary>One PEFT adapter per sub-folder of <paramref name="folder"/>.</summary>
    public static AdapterPool Load(string folder, IReadOnlyCollection<string>? exclude = null) => throw new NotImplementedException();
}
