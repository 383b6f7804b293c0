using Cuvee.Formats;
using Cuvee.Journaling;
using Cuvee.LanguageModels;
using Cuvee.Objectives;

namespace Cuvee.Tests.Journaling;

public sealed class ObservationJournalTests : IDisposable
{
    private const string Recipe = "00112233445566778899aabb";

    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-journal-").FullName;

    private string FilePath => Path.Combine(folder, ObservationJournal.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(-0.1)]
    [InlineData(double.NegativeInfinity)]
    [InlineData(-1.0 / 3)]
    [InlineData(-5e-324)]
    public void Append_AnyScore_ReadsBackBitForBit(double logProbability)
    {
        Write(Key(0), (4, new Observation(logProbability, 2, 20, [-0.1f, -1e-38f], null)));
        using var journal = ObservationJournal.Open(FilePath);
        var read = Assert.Single(journal.Replay(Key(0), Recipe, [4]));
        Assert.Equal(4, read.Key);
        Assert.Equal(BitConverter.DoubleToInt64Bits(logProbability), BitConverter.DoubleToInt64Bits(read.Value.LogProbability));
        Assert.Equal([-0.1f, -1e-38f], read.Value.TokenLogProbabilities!);
        Assert.Equal((2, 20, (string?)null), (read.Value.Tokens, read.Value.PromptTokens, read.Value.Text));
    }

    [Fact]
    public void Append_Answer_ReadsBack()
    {
        Write(Key(0), (4, new Observation(double.NaN, 3, 0, null, "line\nfeed \"and\" Ω \ud83c\udf77")));
        using var journal = ObservationJournal.Open(FilePath);
        Assert.Equal("line\nfeed \"and\" Ω \ud83c\udf77", journal.Replay(Key(0), Recipe, [4])[4].Text);
    }

    [Fact]
    public void Append_OneRecord_HasTheDocumentedKeys()
    {
        Write(Key(3), (7, Score(-1.5)));
        Assert.Matches(
            """^\{"stage":"weights","purpose":"search","iteration":2,"trial":3,"recipe":"00112233445566778899aabb","record":7,""" +
            "\"" + """logprob":-1.5,"tokens":1,"prompt_tokens":20,"check":"[0-9a-f]{16}"\}\n$""",
            File.ReadAllText(FilePath));
    }

    [Fact]
    public void Open_TornLastLine_CutsItOffAndGoesOn()
    {
        Write(Key(0), (4, Score(-1)), (7, Score(-2)));
        File.AppendAllText(FilePath, "{\"stage\":\"wei");
        using (var journal = ObservationJournal.Open(FilePath))
        {
            Assert.Equal(2, journal.Replay(Key(0), Recipe, [4, 7]).Count);
            journal.Append(Key(1), Recipe, [(4, Score(-3))]);
        }

        using var again = ObservationJournal.Open(FilePath);
        Assert.Equal(-2, again.Replay(Key(0), Recipe, [4, 7])[7].LogProbability);
        Assert.Equal(-3, again.Replay(Key(1), Recipe, [4])[4].LogProbability);
    }

    [Theory]
    [InlineData("\"record\":7", "\"record\":8")] // good JSON with another meaning
    [InlineData("\"logprob\":-2", "\"logprob\":-3")]
    [InlineData("\"check\":\"", "\"chekc\":\"")]
    [InlineData("\"stage\":\"weights\",", "")]
    public void Open_ParsableButDamagedLine_NamesItAndCanBeRepaired(string before, string after)
    {
        Write(Key(0), (4, Score(-1)), (7, Score(-2)), (9, Score(-2)));
        var lines = File.ReadAllLines(FilePath);
        lines[1] = lines[1].Replace(before, after, StringComparison.Ordinal);
        File.WriteAllText(FilePath, string.Join('\n', lines) + "\n");
        var error = Assert.Throws<BadInputException>(() => ObservationJournal.Open(FilePath));
        Assert.StartsWith($"{FilePath}, line 2: damaged", error.Message, StringComparison.Ordinal);
        Assert.Contains("--repair", error.Message, StringComparison.Ordinal);

        using var repaired = ObservationJournal.Open(FilePath, repair: true);
        Assert.Equal([4], repaired.Replay(Key(0), Recipe, [4, 7, 9]).Keys);
    }

    [Fact]
    public void Replay_OutOfOrder_FindsWhatIsWaiting()
    {
        Write(Key(2), (4, Score(-3)));
        Write(Key(0), (4, Score(-1)));
        using var journal = ObservationJournal.Open(FilePath);
        Assert.Equal(-1, journal.Replay(Key(0), Recipe, [4])[4].LogProbability);
        Assert.Equal(-3, journal.Replay(Key(2), Recipe, [4])[4].LogProbability);
        Assert.Empty(journal.Replay(Key(1), Recipe, [4]));
    }

    [Fact]
    public void Replay_OtherRecipe_Refuses()
    {
        Write(Key(0), (4, Score(-1)));
        using var journal = ObservationJournal.Open(FilePath);
        var error = Assert.Throws<BadInputException>(() => journal.Replay(Key(0), "ffff", [4]));
        Assert.Contains("weights/Search/2/0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_OtherRecords_Refuses()
    {
        Write(Key(0), (4, Score(-1)));
        using var journal = ObservationJournal.Open(FilePath);
        Assert.Throws<BadInputException>(() => journal.Replay(Key(0), Recipe, [5]));
    }

    [Fact]
    public void Append_WhileEarlierAnswersAreUnasked_Refuses()
    {
        Write(Key(0), (4, Score(-1)));
        using var journal = ObservationJournal.Open(FilePath);
        Assert.Throws<BadInputException>(() => journal.Append(Key(1), Recipe, [(4, Score(-1))]));
    }

    [Fact]
    public void AppendSecondsAndLost_OfEarlierProcesses_AddUp()
    {
        using (var journal = ObservationJournal.Open(FilePath))
        {
            journal.AppendSeconds(2.5);
            journal.Append(Key(0), Recipe, [(4, Score(-1))], lost: new Expense(3, 12, 6));
            journal.AppendSeconds(4);
        }

        using var again = ObservationJournal.Open(FilePath);
        again.Replay(Key(0), Recipe, [4]);
        again.Replay(Key(1), Recipe, [4]); // to the end
        Assert.Equal((6.5, new Expense(3, 12, 6)), (again.EarlierSeconds, again.EarlierLost));
    }

    [Fact]
    public void Append_DiskIsFull_LeavesWholeLinesAndWritesNoMore()
    {
        var disk = new FullDisk(FilePath);
        using (var journal = ObservationJournal.Over(disk, FilePath, repair: false))
        {
            journal.Append(Key(0), Recipe, [(4, Score(-1))]);
            disk.Room = 100; // bytes, less than a line
            Assert.Throws<IOException>(() => journal.Append(Key(1), Recipe, [(4, Score(-2))]));
            disk.Room = int.MaxValue; // somebody made room
            var error = Assert.Throws<IOException>(() => journal.Append(Key(2), Recipe, [(4, Score(-3))]));
            Assert.Equal(
                $"{FilePath}: cannot be written (No space left on device); mend that, and go on with --resume.", error.Message);
        }

        using var again = ObservationJournal.Open(FilePath);
        Assert.Equal(-1, again.Replay(Key(0), Recipe, [4])[4].LogProbability);
        again.Append(Key(1), Recipe, [(4, Score(-2))]);
    }

    [Fact]
    public void Open_JournalInUse_SaysSo()
    {
        using var first = ObservationJournal.Open(FilePath);
        Assert.Contains(
            "another run", Assert.Throws<BadInputException>(() => ObservationJournal.Open(FilePath)).Message, StringComparison.Ordinal);
    }

    private static QuestionKey Key(int trial) => new("weights", EvaluationPurpose.Search, 2, trial);

    private static Observation Score(double logProbability) => new(logProbability, 1, 20, null, null);

    /// <summary>Appends to what is there, as another process would.</summary>
    private void Write(QuestionKey key, params (int Record, Observation Observation)[] answers)
    {
        var earlier = File.Exists(FilePath) ? File.ReadAllBytes(FilePath) : [];
        File.Delete(FilePath);
        using (var journal = ObservationJournal.Open(FilePath)) journal.Append(key, Recipe, answers);
        File.WriteAllBytes(FilePath, [.. earlier, .. File.ReadAllBytes(FilePath)]);
    }
}
