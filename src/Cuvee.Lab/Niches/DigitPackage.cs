using System.Diagnostics;
using Cuvee.Formats;

namespace Cuvee.Lab.Niches;

/// <summary>Fetches the digits from Debian's package python3-sklearn; they are never part of the repository.</summary>
internal static class DigitPackage
{
    private const string Package = "python3-sklearn";
    private const string FileName = "digits.csv.gz";

    /// <returns>The file's path below <paramref name="folder"/>; it is fetched where it is missing.</returns>
    /// <exception cref="BadInputException">The package manager cannot fetch it.</exception>
    public static async Task<string> FetchAsync(string folder, CancellationToken cancellationToken)
    {
        var target = Path.Combine(folder, "digits", FileName);
        if (File.Exists(target)) return target;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var temporary = Directory.CreateTempSubdirectory("digits-");
        try
        {
            await RunAsync("apt-get", ["download", Package], temporary.FullName, target, cancellationToken);
            var package = temporary.GetFiles("*.deb").Single().FullName;
            await RunAsync("dpkg-deb", ["-x", package, "files"], temporary.FullName, target, cancellationToken);
            var file = temporary.GetFiles(FileName, SearchOption.AllDirectories).Single().FullName;
            AtomicFile.WriteAllBytes(target, await File.ReadAllBytesAsync(file, cancellationToken));
            return target;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static async Task RunAsync(
        string program, string[] arguments, string folder, string target, CancellationToken cancellationToken)
    {
        var advice = $"run apt-get update and try again, or put {FileName} of Debian's {Package} there yourself";
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = await process.StandardError.ReadToEndAsync(cancellationToken);
            await output;
            await process.WaitForExitAsync(cancellationToken);
            var reason = error.Trim().Split('\n')[^1];
            if (process.ExitCode != 0) throw new BadInputException($"{target}: is missing and {program} fails ({reason}); {advice}.");
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new BadInputException($"{target}: is missing and {program} does not run here; {advice}.", exception);
        }
    }
}
