using System.Globalization;
using System.Text.RegularExpressions;
using Cuvee.Lab.Data;
using Cuvee.Lab.Parents;
using Cuvee.Numerics;

namespace Cuvee.Lab.Tests.Parents;

public sealed partial class StoryTests
{
    private static readonly Person Anna = new("Anna", true);
    private static readonly Person Tom = new("Tom", false);
    private static readonly Noun Apple = new("apple", "apples", "pomo");
    private static readonly Noun Box = new("box", "boxes", "skatolo");

    [Theory]
    [InlineData(Plot.Gain, "Anna has 12 apples. She takes 5 apples.", "How many apples does Anna have now?",
        "Anna havas 12 pomojn. Ŝi prenas 5 pomojn.", "Kiom da pomoj Anna havas nun?", "more: 12 + 5 = 17")]
    [InlineData(Plot.Loss, "Anna has 12 apples. She takes 5 apples.", "How many apples does Anna have now?",
        "Anna havas 12 pomojn. Ŝi prenas 5 pomojn.", "Kiom da pomoj Anna havas nun?", "less: 12 - 5 = 7")]
    [InlineData(Plot.MoreThan, "Anna has 12 apples. Tom has 5 apples more than Anna.", "How many apples does Tom have?",
        "Anna havas 12 pomojn. Tom havas 5 pomojn pli ol Anna.", "Kiom da pomoj Tom havas?", "more: 12 + 5 = 17")]
    [InlineData(Plot.FewerThan, "Anna has 12 apples. Tom has 5 apples fewer than Anna.", "How many apples does Tom have?",
        "Anna havas 12 pomojn. Tom havas 5 pomojn malpli ol Anna.", "Kiom da pomoj Tom havas?", "less: 12 - 5 = 7")]
    [InlineData(Plot.Containers, "Anna has 12 boxes. Every box holds 5 apples.", "How many apples does Anna have?",
        "Anna havas 12 skatolojn. Ĉiu skatolo enhavas 5 pomojn.", "Kiom da pomoj Anna havas?", "times: 12 x 5 = 60")]
    [InlineData(Plot.InEvery, "There are 12 boxes. In every box there are 5 apples.", "How many apples are there?",
        "Estas 12 skatoloj. En ĉiu skatolo estas 5 pomoj.", "Kiom da pomoj estas?", "times: 12 x 5 = 60")]
    public void Text_EveryPlot_IsToldInBothLanguages(
        Plot plot, string english, string englishQuestion, string esperanto, string esperantoQuestion, string calculation)
    {
        var story = new Story(plot, Anna, Tom, Apple, Box, new Verb("takes", "prenas"), 12, 5);

        Assert.Equal(english, story.Text(Language.English));
        Assert.Equal(englishQuestion, story.Question(Language.English));
        Assert.Equal(esperanto, story.Text(Language.Esperanto));
        Assert.Equal(esperantoQuestion, story.Question(Language.Esperanto));
        Assert.Equal(calculation, story.Calculation);
    }

    /// <summary>The operation is found again from the words, by lists that stand here and not in the generator.</summary>
    [Fact]
    public void Calculation_ManyStories_IsTrueAndFollowsFromTheWordsOfBothLanguages()
    {
        var random = new SeededRandom(3);
        for (var i = 0; i < 5000; i++)
        {
            var story = Story.Draw(random);
            var english = story.Text(Language.English);
            var esperanto = story.Text(Language.Esperanto);
            var numbers = Digits().Matches(english).Select(m => int.Parse(m.Value, CultureInfo.InvariantCulture)).ToArray();

            Assert.Equal(numbers, Digits().Matches(esperanto).Select(m => int.Parse(m.Value, CultureInfo.InvariantCulture)));
            var (gain, sum) = (
                Regex.IsMatch(english, " (takes|finds|gets|more) "),
                Regex.IsMatch(esperanto, " (prenas|trovas|ricevas|pli) "));
            var difference = Regex.IsMatch(english, " (sells|loses|gives away|fewer) ");
            Assert.Equal(gain, sum);
            Assert.Equal(difference, Regex.IsMatch(esperanto, " (vendas|perdas|fordonas|malpli) "));
            Assert.Equal(!gain && !difference, english.Contains("very", StringComparison.Ordinal));
            Assert.Equal(!gain && !difference, esperanto.Contains("iu ", StringComparison.Ordinal));
            var (word, sign, result) = gain ? ("more", '+', numbers[0] + numbers[1])
                : difference ? ("less", '-', numbers[0] - numbers[1]) : ("times", 'x', numbers[0] * numbers[1]);
            Assert.Equal($"{word}: {numbers[0]} {sign} {numbers[1]} = {result}", story.Calculation);
            Assert.True(result > 0);
        }
    }

    [Fact]
    public void Draw_ManyStories_UsesEveryPlotAndOperationEquallyOften()
    {
        var random = new SeededRandom(4);
        var stories = Enumerable.Range(0, 6000).Select(_ => Story.Draw(random)).ToArray();

        Assert.All(stories.CountBy(s => s.Plot), plot => Assert.InRange(plot.Value, 880, 1120));
        Assert.All(stories.CountBy(s => s.Operator), operation => Assert.InRange(operation.Value, 1850, 2150));
        Assert.All(stories, s => Assert.NotEqual(s.Who, s.Other));
    }

    [Fact]
    public void Draw_OfASplit_GivesStoriesOfItOnly()
    {
        foreach (var split in Enum.GetValues<Split>())
        {
            var random = new SeededRandom(5);
            Assert.All(Enumerable.Range(0, 200).Select(_ => Story.Draw(split, random)), s => Assert.Equal(split, s.Split));
        }
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
