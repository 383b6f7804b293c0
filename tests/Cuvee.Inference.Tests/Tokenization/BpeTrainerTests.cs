using System.Text;
using System.Text.RegularExpressions;
using Cuvee.Inference.Tokenization;
using Cuvee.Inference.Tokenization.Bpe;

namespace Cuvee.Inference.Tests.Tokenization;

public class BpeTrainerTests
{
    private static readonly string[] Lines = File.ReadAllLines(TokenizerFixtures.PathOf("training-text.txt"));

    [Fact]
    public void Train_FixtureText_GivesTheBytesThatHuggingFaceRead()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "tokenizer.json");

        BpeTrainer.Train(Lines, 400).Save(path);

        Assert.Equal(File.ReadAllText(TokenizerFixtures.PathOf("small.tokenizer.json")), File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Train_FixtureText_MergesEqualRecountingFromScratch()
    {
        var tokenizer = BpeTrainer.Train(Lines, 400);

        var expected = TrainByRecounting(Lines, 400 - 259);

        Assert.Equal(expected, Enumerable.Range(259, 400 - 259).Select(tokenizer.TokenOf));
    }

    [Fact]
    public void Train_TextsInAnotherOrder_SameVocabulary()
    {
        var forward = BpeTrainer.Train(Lines, 350);
        var backward = BpeTrainer.Train(Lines.Reverse(), 350);

        Assert.Equal(Enumerable.Range(0, 350).Select(forward.TokenOf), Enumerable.Range(0, 350).Select(backward.TokenOf));
    }

    [Fact]
    public void Train_SpecialTokens_HaveTheFirstIdsAndLeadEveryText()
    {
        var tokenizer = BpeTrainer.Train(["blend blend"], 300);

        Assert.Equal([0, 1, 2], tokenizer.Encode("<|begin_of_text|><|end_of_text|><|pad|>", addSpecialTokens: false));
        Assert.Equal(0, tokenizer.Encode("blend", addSpecialTokens: true)[0]);
        Assert.DoesNotContain(0, tokenizer.Encode("blend", addSpecialTokens: false));
        Assert.Equal([1, 3 + 'x'], tokenizer.Encode("<|end_of_text|>x", addSpecialTokens: false));
    }

    [Fact]
    public void Train_NoPairOccursTwice_StopsEarly() => Assert.Equal(259, BpeTrainer.Train(["abc"], 300).VocabSize);

    [Fact]
    public void Train_Digits_AreNeverMergedWithEachOther()
    {
        var tokenizer = BpeTrainer.Train(Enumerable.Repeat("in 1987 and 1987, 1987", 50), 300);

        Assert.Equal(["Ġ1", "9", "8", "7"], tokenizer.Encode(" 1987", addSpecialTokens: false).Select(tokenizer.TokenOf));
    }

    [Fact]
    public void Train_SizeBelowTheBytes_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => BpeTrainer.Train(["a"], 258));

    /// <summary>The definition, slowly: count all adjacent pairs, merge the most frequent (ties: smallest ids), start again.</summary>
    private static List<string> TrainByRecounting(IEnumerable<string> texts, int merges)
    {
        const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        var words = texts.SelectMany(text => Regex.Matches(text, Pattern))
            .Select(match => Encoding.UTF8.GetBytes(match.Value).Select(value => 3 + value).ToList()).ToList();
        var spelling = Enumerable.Range(0, 256).ToDictionary(
            value => 3 + value, value => ByteLevelAlphabet.ToCharacter((byte)value).ToString());
        var learned = new List<string>();
        for (var id = 259; id < 259 + merges; id++)
        {
            var (left, right) = words.SelectMany(word => word.Zip(word.Skip(1))).GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.First).ThenBy(group => group.Key.Second).First().Key;
            spelling[id] = spelling[left] + spelling[right];
            learned.Add(spelling[id]);
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] != left || word[i + 1] != right)
                        continue;
                    word[i] = id;
                    word.RemoveAt(i + 1);
                }
            }
        }

        return learned;
    }
}
