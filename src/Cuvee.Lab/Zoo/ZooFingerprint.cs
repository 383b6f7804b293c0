using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Cuvee.Lab.Zoo;

/// <summary>Names an artefact by everything that decides its bytes; equal fingerprint, up to date.</summary>
internal static class ZooFingerprint
{
    public static string Of(params object[] inputs) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            string.Join('\n', inputs.Select(i => i as string ?? JsonSerializer.Serialize(i))))));

    public static string OfFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
