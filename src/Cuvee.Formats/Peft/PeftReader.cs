namespace Cuvee.Formats.Peft;

public static class PeftReader
{
    /// <summary>Reads <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> of <paramref name="folder"/>.</summary>
    /// <exception cref="PeftFormatException">The adapter is not a plain LoRA (DoRA, bias, modules_to_save ...) or a file is broken.</exception>
    public static PeftAdapter Read(string folder) => throw new NotImplementedException();
}
