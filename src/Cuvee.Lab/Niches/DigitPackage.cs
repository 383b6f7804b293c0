using Cuvee.Formats;

namespace Cuvee.Lab.Niches;

/// <summary>8 x 8 digits from Debian's package python3-sklearn.</summary>
internal static class DigitPackage
{
    private const string Package = "python3-sklearn";
    private const string FileName = "digits.csv.gz";

    private static readonly DownloadedPackage File = new(
        FileName, $"run apt-get update and try again, or put {FileName} of Debian's {Package} into DATA/digits yourself");

    /// <returns>The file's path below <paramref name="folder"/>; it is fetched where it is missing.</returns>
    /// <exception cref="BadInputException">The package manager cannot fetch it.</exception>
    public static Task<string> FetchAsync(string folder, CancellationToken cancellationToken) => File.FetchAsync(
        folder,
        async temporary =>
        {
            await File.RunAsync(temporary, "apt-get", ["download", Package], cancellationToken);
            var package = temporary.GetFiles("*.deb").Single().FullName;
            await File.RunAsync(temporary, "dpkg-deb", ["-x", package, "files"], cancellationToken);
            return temporary.GetFiles(FileName, SearchOption.AllDirectories).Single().FullName;
        },
        cancellationToken);
}
