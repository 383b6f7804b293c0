using Cuvee.Formats;
using Cuvee.Journaling;

namespace Cuvee.Tests.Journaling;

public sealed class EvaluationLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-log-").FullName;

    private string FilePath => Path.Combine(folder, EvaluationLog.FileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Append_OneLine_HasTheDocumentedKeys()
    {
        Write(Line(3));
        Assert.Equal(
            """{"stage":"weights","purpose":"search","iteration":2,"trial":3,"point":[0.5],"records":[4,7],"loss":1.5,"penalty":0.25""" +
            ""","log_probabilities":[-3,-1.5],"answer_tokens":[2,1],"queries":2,"tokens":20}""" + "\n",
            File.ReadAllText(FilePath));
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(1.0 / 3)]
    public void Append_AnyLoss_ReadsBackBitForBit(double loss)
    {
        Write(Line(0) with { Loss = loss, Point = [Math.BitIncrement(0.1), -0.0, 5e-324] });
        var read = Assert.Single(EvaluationLog.Read(FilePath));
        Assert.Equal(BitConverter.DoubleToInt64Bits(loss), BitConverter.DoubleToInt64Bits(read.Loss));
        Assert.Equal([Math.BitIncrement(0.1), -0.0, 5e-324], read.Point!);
    }

    [Fact]
    public void Append_TheSameLinesAgain_LeavesTheFileAsItIsAndGoesOn()
    {
        Write(Line(0), Line(1));
        File.AppendAllText(FilePath, "{\"stage\":\"wei");
        Write(Line(0), Line(1), Line(2));
        Assert.Equal([0, 1, 2], EvaluationLog.Read(FilePath).Select(line => line.Trial));
    }

    [Fact]
    public void Append_AnotherEvaluationThanBefore_NamesTheLine()
    {
        Write(Line(0), Line(1));
        var error = Assert.Throws<BadInputException>(() => Write(Line(0), Line(1) with { Loss = Math.BitIncrement(1.5) }));
        Assert.StartsWith($"{FilePath}, line 2:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DamagedLine_NamesIt()
    {
        Write(Line(0), Line(1));
        File.WriteAllText(FilePath, File.ReadAllText(FilePath).Replace("\"trial\":1", "\"trial\":x", StringComparison.Ordinal));
        var error = Assert.Throws<BadInputException>(() => EvaluationLog.Read(FilePath).ToList());
        Assert.StartsWith($"{FilePath}, line 2:", error.Message, StringComparison.Ordinal);
    }

    private static EvaluationLine Line(int trial) => new()
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

    private void Write(params EvaluationLine[] lines)
    {
        using var log = EvaluationLog.Open(FilePath, restart: false);
        foreach (var line in lines) log.Append(line);
    }
}
