using System.Text;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Tests;

public sealed class AnswerTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData("##")]
    [InlineData("###")]
    public async Task TakeSettled_CharactersBeyondU_FFFF_AreNeverCut(string stop)
    {
        await using var service = await Service.StartAsync();
        var tokenizer = service.Part<ServedPool>().Tokenizer;
        var answer = new AnswerText(tokenizer, stop == "" ? [] : [stop], closing: []);
        List<string> parts = [];
        foreach (var token in tokenizer.EncodeContinuation("red 🜁🜂 soup 🜃!"))
        {
            Assert.False(answer.Add(token));
            parts.Add(answer.TakeSettled());
        }

        parts.Add(answer.TakeRest());
        Assert.DoesNotContain(Rune.ReplacementChar, parts.SelectMany(part => part.EnumerateRunes())); // half a character is read as it
        Assert.Equal("red 🜁🜂 soup 🜃!", string.Concat(parts));
    }
}
