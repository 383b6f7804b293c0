namespace Cuvee.Formats.Tests;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Write_Success_ReplacesAndLeavesNothingBeside()
    {
        var path = _folder.Write("a.bin", [1, 2, 3]);
        AtomicFile.WriteAllBytes(path, new byte[] { 9 });
        Assert.Equal([9], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Write_Failure_KeepsTheOldFileAndLeavesNothingBeside()
    {
        var path = _folder.Write("a.bin", [1, 2, 3]);
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(9);
            throw new InvalidOperationException();
        }));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Write_LeftoverOfAKilledProcess_IsOverwritten()
    {
        _folder.Write("a.bin.tmp", new byte[100]);
        AtomicFile.WriteAllBytes(_folder.File("a.bin"), new byte[] { 7 });
        Assert.Equal([7], File.ReadAllBytes(_folder.File("a.bin")));
        Assert.False(File.Exists(_folder.File("a.bin.tmp")));
    }

    public void Dispose() => _folder.Dispose();
}
