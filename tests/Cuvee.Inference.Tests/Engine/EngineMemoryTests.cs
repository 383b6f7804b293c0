using Cuvee.Formats.HuggingFace;

namespace Cuvee.Inference.Tests.Engine;

public class EngineMemoryTests
{
    // TinyLlama's shape: 1.1 billion parameters.
    private static readonly LlamaConfig Shape = new()
    {
        HiddenSize = 2048,
        IntermediateSize = 5632,
        NumHiddenLayers = 22,
        NumAttentionHeads = 32,
        NumKeyValueHeads = 4,
        HeadDim = 64,
        VocabSize = 32000,
        MaxPositionEmbeddings = 2048,
        EosTokenIds = [2],
    };

    [Fact]
    public void Forecast_Scoring_HoldsTwoLayersNotTheModel()
    {
        const double file = 2.2e9, layer = 4 * 44e6;
        var bytes = EngineMemory.Forecast(Shape, tokens: 4000, generates: false, threads: 2);

        Assert.InRange(bytes, 2 * layer, (0.3 * file) + 400e6);
        Assert.InRange(EngineMemory.Forecast(Shape, 1e9, false, 2), bytes, (0.3 * file) + 400e6);
    }

    [Fact]
    public void Forecast_Generating_AddsOneCopyInBfloat16()
    {
        var added = EngineMemory.Forecast(Shape, 4000, true, 2) - EngineMemory.Forecast(Shape, 4000, false, 2);

        Assert.InRange(added, 2 * 22 * 44e6, (2 * 22 * 44e6) + 400e6);
    }
}
