namespace Cuvee.Inference;

/// <summary>
/// What a candidate adds to the base's linear weights, asked for layer by layer so that one layer exists at a time. Different modules are
/// prepared by different threads at once; a module's rows are asked for after it is prepared, by several threads.
/// </summary>
public interface ILinearUpdate
{
    /// <param name="linear">Index into <c>LlamaConfig.LinearModules</c>.</param>
    bool Adapts(int layer, int linear);

    /// <summary>Forms what the module needs as a whole; what was prepared for the same <paramref name="linear"/> before is gone.</summary>
    void Prepare(int layer, int linear);

    /// <summary>Adds rows of the prepared module's update to rows of the base weight.</summary>
    /// <param name="firstRow">Of the weight [out, in].</param>
    /// <param name="rows">[count, in]</param>
    void AddRows(int linear, int firstRow, Span<float> rows);
}
