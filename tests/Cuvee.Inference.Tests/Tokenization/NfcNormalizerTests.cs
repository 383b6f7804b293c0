using System.Text.Json;
using Cuvee.Inference.Tokenization.Normalizers;

namespace Cuvee.Inference.Tests.Tokenization;

public class NfcNormalizerTests
{
    [Theory]
    [InlineData(0)] // every scalar with a canonical decomposition, and its decomposition
    [InlineData(1)] // random sequences of bases and marks
    public void Normalize_Fixture_EqualsIcu(int row)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(TokenizerFixtures.PathOf("nfc.json")));
        var inputs = document.RootElement[row].GetProperty("input").GetString()!.Split(' ');
        var expected = document.RootElement[row].GetProperty("nfc").GetString()!.Split(' ');
        Assert.Equal(inputs.Length, expected.Length);

        var wrong = inputs.Index()
            .Where(entry => NfcNormalizer.Compose(entry.Item) != expected[entry.Index])
            .Select(entry => Escape(entry.Item));

        Assert.Empty(wrong);
    }

    [Fact]
    public void Normalize_NothingToDo_ReturnsSameInstance()
    {
        const string text = "Crème brûlée, 日本語, 한국어, 🍷";

        Assert.Same(text, NfcNormalizer.Compose(text));
    }

    private static string Escape(string text) => string.Join(' ', text.EnumerateRunes().Select(rune => $"U+{rune.Value:X4}"));
}
