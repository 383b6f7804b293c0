using Cuvee.Formats;
using Cuvee.Metrics;
using Cuvee.Reporting;

namespace Cuvee.Tests.Reporting;

public sealed class ComparisonFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("cuvee-comparison-").FullName;

    private string File => Path.Combine(folder, ComparisonTable.JsonFileName);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Read_WrittenTable_IsTheTable()
    {
        var table = TestTables.Create(seed: ulong.MaxValue);
        table.Write(folder);
        var read = ComparisonFile.Read(File);

        Assert.Equal((table.Title, table.Seed, table.PoolSize, table.Metric), (read.Title, read.Seed, read.PoolSize, read.Metric));
        Assert.Equal((table.TestSha256, table.ValidationRecords), (read.TestSha256, read.ValidationRecords));
        Assert.Equal(table.TestIds, read.TestIds);
        Assert.All(table.Rows.Zip(read.Rows), pair =>
        {
            Assert.Equal(pair.First with { Losses = [], Counts = [] }, pair.Second with { Losses = [], Counts = [] });
            Assert.Equal(pair.First.Losses, pair.Second.Losses);
            Assert.Equal(pair.First.Counts, pair.Second.Counts);
        });
        var bytes = System.IO.File.ReadAllBytes(File);
        ComparisonFile.Write(File, read);
        Assert.Equal(bytes, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public void Write_Records_AreOneLineAnArray()
    {
        TestTables.Create(seed: 3).Write(folder);
        var lines = System.IO.File.ReadAllLines(File);
        Assert.Equal(4, lines.Count(line => line.Trim() == "\"tokens\": [1,2,3,4,5,6,7,8,9,10,11,12],"));
        Assert.Single(lines, line => line.Contains("\"test_ids\": [\"id \\\"0\\\"\",", StringComparison.Ordinal));
        Assert.Equal(2 + 4 + 1 + 3, System.IO.File.ReadAllLines(Path.Combine(folder, ComparisonTable.MarkdownFileName)).Length);
    }

    [Fact]
    public void Read_LossThatIsNotFinite_RoundTrips()
    {
        var table = TestTables.Create(seed: 3);
        ((List<MeasuredRow>)table.Rows)[0] = table.Rows[0] with
        {
            ValidationLoss = double.NaN,
            Losses = [new Ratio(double.PositiveInfinity, 2), .. table.Rows[0].Losses.Skip(1)],
        };
        ComparisonFile.Write(File, table);
        var row = ComparisonFile.Read(File).Rows[0];
        Assert.True(double.IsNaN(row.ValidationLoss));
        Assert.Equal(double.PositiveInfinity, row.TestLoss);
    }

    [Theory]
    [InlineData("\"test_sha256\":", "\"sha\":", "the document has the unknown key 'sha'")]
    [InlineData("\"seed\": 3", "\"seed\": -3", "'seed' is -3, not an integer from 0")]
    [InlineData("\"seed\": 3", "\"seed\": 3, \"seed\": 4", "not valid JSON")]
    [InlineData("\"kind\": \"search\"", "\"kind\": \"winner\"", "'rows[2].kind' is neither")]
    [InlineData("\"tokens\": [1,", "\"tokens\": [", "'rows[0].records.tokens' has 11 numbers for 12 test records")]
    [InlineData("\"tokens\": [1,", "\"tokens\": [-1,", "'rows[0].records.tokens[0]' is -1, not a finite number from 0")]
    [InlineData("\"losses\": [", "\"losses\": [true,", "'rows[0].records.losses[0]' is true, not a finite number")]
    [InlineData("\"pool\": 5,", "", "'pool' is missing")]
    [InlineData("\"pool\": 5,", "\"pool\": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]],", "not valid JSON")]
    [InlineData("\"name\": \"base model\"", "\"name\": \"\\ud800\"", "'rows[0].name' is not valid Unicode")]
    [InlineData("\"metric\": \"ie-f1\"", "\"metric\": 1", "'metric' is 1, not a string")]
    public void Read_Damaged_NamesFileAndField(string old, string damage, string problem)
    {
        TestTables.Create(seed: 3).Write(folder);
        var text = System.IO.File.ReadAllText(File);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        System.IO.File.WriteAllText(File, text[..at] + damage + text[(at + old.Length)..]);

        var message = Assert.Throws<BadInputException>(() => ComparisonFile.Read(File)).Message;
        Assert.StartsWith($"{File}: {problem}", message, StringComparison.Ordinal);
        Assert.EndsWith("repeat the run that wrote it.", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoFileOrOneTooLarge_SaysSo()
    {
        Assert.Contains("finished run", Refusal(), StringComparison.Ordinal);
        using (var stream = System.IO.File.Create(File)) stream.SetLength((256L << 20) + 1);
        Assert.Contains("268435457 bytes", Refusal(), StringComparison.Ordinal);

        string Refusal() => Assert.Throws<BadInputException>(() => ComparisonFile.Read(File)).Message;
    }
}
