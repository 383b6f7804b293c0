namespace Cuvee.Inference.Tests.Tokenization;

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cuvee-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
