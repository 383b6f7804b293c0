using Cuvee.Journaling;

namespace Cuvee.Tests.Journaling;

public sealed class JournalTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-journal-").FullName;

    private string FilePath => Path.Combine(folder, Journal.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(0.1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1.0 / 3)]
    public void Append_AnyLoss_ReadsBackBitForBit(double loss)
    {
        var line = Line(0) with
        {
            Loss = loss,
            Point = [Math.BitIncrement(0.1), -0.0, 5e-324],
            TokenLogProbabilities = [[-0.1f, -1e-38f], [-3f]]
        };
        Write(line);
        var read = Assert.Single(Journal.Read(FilePath));
        Assert.True(line.AnswersSameAs(read));
        Assert.Equal(BitConverter.DoubleToInt64Bits(loss), BitConverter.DoubleToInt64Bits(read.Loss));
        Assert.Equal(line.LogProbabilities, read.LogProbabilities);
        Assert.Equal(line.TokenLogProbabilities, read.TokenLogProbabilities);
    }

    [Fact]
    public void Append_OneLine_HasTheDocumentedKeys()
    {
        Write(Line(3));
        Assert.Equal(
            """{"stage":"weights","purpose":"search","iteration":2,"trial":3,"point":[0.5],"records":[4,7],"loss":1.5,"penalty":0.25""" +
            ""","log_probabilities":[-3,-1.5],"answer_tokens":[2,1],"queries":2,"tokens":20}""" + "\n",
            File.ReadAllText(FilePath));
    }

    [Fact]
    public void Open_TornLastLine_CutsItOffAndGoesOn()
    {
        Write(Line(0), Line(1));
        File.AppendAllText(FilePath, "{\"stage\":\"wei");
        using (var journal = Journal.Open(FilePath))
        {
            Assert.NotNull(journal.Replay(Line(0)));
            Assert.NotNull(journal.Replay(Line(1)));
            Assert.Null(journal.Replay(Line(2)));
            journal.Append(Line(2));
        }

        Assert.Equal([0, 1, 2], Journal.Read(FilePath).Select(line => line.Trial));
    }

    [Fact]
    public void Open_DamagedLineInTheMiddle_NamesFileAndLine()
    {
        Write(Line(0), Line(1), Line(2));
        var lines = File.ReadAllLines(FilePath);
        lines[1] = lines[1][..40];
        File.WriteAllText(FilePath, string.Join('\n', lines) + "\n");
        var error = Assert.Throws<JournalException>(() => Journal.Open(FilePath));
        Assert.StartsWith($"{FilePath}, line 2:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_PointOffByOneBit_Refuses()
    {
        Write(Line(0));
        using var journal = Journal.Open(FilePath);
        var error = Assert.Throws<JournalException>(() => journal.Replay(Line(0) with { Point = [Math.BitIncrement(0.5)] }));
        Assert.Contains("line 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Replay_OtherRecords_Refuses()
    {
        Write(Line(0));
        using var journal = Journal.Open(FilePath);
        Assert.Throws<JournalException>(() => journal.Replay(Line(0) with { Records = [4, 8] }));
    }

    [Fact]
    public void Open_JournalInUse_SaysSo()
    {
        using var first = Journal.Open(FilePath);
        Assert.Contains("another run", Assert.Throws<JournalException>(() => Journal.Open(FilePath)).Message, StringComparison.Ordinal);
    }

    private static JournalLine Line(int trial) => new()
    {
        Stage = "weights",
        Purpose = EvaluationPurpose.Search,
        Iteration = 2,
        Trial = trial,
        Point = [0.5],
        Records = [4, 7],
        Loss = 1.5,
        Penalty = 0.25,
        LogProbabilities = [-3, -1.5],
        AnswerTokens = [2, 1],
        Queries = 2,
        Tokens = 20,
    };

    private void Write(params JournalLine[] lines)
    {
        using var journal = Journal.Open(FilePath);
        foreach (var line in lines) journal.Append(line);
    }
}
