using System.Text;
using Cuvee.LanguageModels;

namespace Cuvee.Tests.LanguageModels;

/// <summary>A token a byte: 3 + its value; prompts begin with 2, completions end with <paramref name="closing"/>.</summary>
internal sealed class ByteEncoding(int? closing = 1) : ITextEncoding
{
    public int? ClosingToken => closing;

    public IReadOnlyList<int> Prompt(string text) => [2, .. Ids(text)];

    public IReadOnlyList<int> Completion(string text) => closing is { } end ? [.. Ids(text), end] : [.. Ids(text)];

    public string Decode(IReadOnlyList<int> ids) => Encoding.UTF8.GetString([.. ids.Select(id => (byte)(id - 3))]);

    private static IEnumerable<int> Ids(string text) => Encoding.UTF8.GetBytes(text).Select(value => value + 3);
}
