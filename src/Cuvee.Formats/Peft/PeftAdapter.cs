namespace Cuvee.Formats.Peft;

/// <summary>A PEFT LoRA adapter in memory.</summary>
/// <param name="Name">The folder's name.</param>
/// <param name="Modules">In ordinal order of <see cref="LoraModule.Name"/>.</param>
public sealed record PeftAdapter(string Name, PeftAdapterConfig Config, IReadOnlyList<LoraModule> Modules);
