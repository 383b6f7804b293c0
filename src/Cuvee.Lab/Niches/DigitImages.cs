using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using Cuvee.Formats;

namespace Cuvee.Lab.Niches;

/// <summary>Images of digits, square and of one size.</summary>
/// <param name="Pixels">[images, pixels], row by row, in [0, 1].</param>
/// <param name="Labels">[images], 0 to 9.</param>
internal sealed record DigitImages(float[] Pixels, int[] Labels)
{
    public const int Classes = 10;

    private const int Greys = 16; // the file's pixels are 0 to 16
    private const int FileImages = 1797;
    private const int FilePixels = 64;

    /// <summary>Of digits.csv.gz in Debian's python3-sklearn (bookworm): "optical recognition of handwritten digits".</summary>
    private const string Sha256 = "46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a";

    public int Count => Labels.Length;

    /// <summary>Of one image.</summary>
    public int PixelCount => Pixels.Length / Math.Max(1, Count);

    /// <summary>8 x 8 pixels, as the file has them.</summary>
    /// <exception cref="BadInputException">The file cannot be read or is another one.</exception>
    public static DigitImages Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != Sha256)
                throw new BadInputException($"{path}: is not the file of digits (SHA-256 differs); delete it to fetch it again.");
            using var reader = new StreamReader(new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress));
            return Parse(reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}).", exception);
        }
    }

    /// <summary>The first four fifths of the file train, the rest tests, as in the authors' code.</summary>
    public (DigitImages Train, DigitImages Test) Split()
    {
        var count = (int)(Count * 0.8);
        return (At([.. Enumerable.Range(0, count)]), At([.. Enumerable.Range(count, Count - count)]));
    }

    public DigitImages Only(Func<int, bool> label) => At([.. Enumerable.Range(0, Count).Where(i => label(Labels[i]))]);

    public DigitImages At(IReadOnlyList<int> indices) => new(
        [.. indices.SelectMany(i => Pixels.Skip(i * PixelCount).Take(PixelCount))], [.. indices.Select(i => Labels[i])]);

    private static DigitImages Parse(string[] lines)
    {
        var (pixels, labels) = (new float[FileImages * FilePixels], new int[FileImages]);
        for (var i = 0; i < FileImages; i++)
        {
            var fields = lines[i].Split(',');
            for (var j = 0; j < FilePixels; j++)
                pixels[(i * FilePixels) + j] = float.Parse(fields[j], CultureInfo.InvariantCulture) / Greys;
            labels[i] = (int)double.Parse(fields[FilePixels], CultureInfo.InvariantCulture);
        }

        return new DigitImages(pixels, labels);
    }
}
