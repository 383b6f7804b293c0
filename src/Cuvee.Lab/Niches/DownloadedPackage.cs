using System.Diagnostics;
using Cuvee.Formats;

namespace Cuvee.Lab.Niches;

/// <summary>A file out of a package that a package manager of the machine downloads; never part of the repository.</summary>
/// <param name="FileName">Below DATA/digits.</param>
/// <param name="Advice">What a person can do where it cannot be had.</param>
internal sealed record DownloadedPackage(string FileName, string Advice)
{
    /// <param name="folder">DATA.</param>
    /// <param name="downloadAsync">Gets an empty folder and returns where in it the file lies.</param>
    /// <returns>The file's path; it is downloaded where it is missing.</returns>
    /// <exception cref="BadInputException">It cannot be downloaded.</exception>
    public async Task<string> FetchAsync(
        string folder, Func<DirectoryInfo, Task<string>> downloadAsync, CancellationToken cancellationToken)
    {
        var target = Path.Combine(folder, "digits", FileName);
        if (File.Exists(target)) return target;
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var temporary = Directory.CreateTempSubdirectory("digits-");
        try
        {
            AtomicFile.WriteAllBytes(target, await File.ReadAllBytesAsync(await downloadAsync(temporary), cancellationToken));
            return target;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    /// <exception cref="BadInputException">The program is not there, or fails.</exception>
    public async Task RunAsync(DirectoryInfo folder, string program, string[] arguments, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = folder.FullName,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = await process.StandardError.ReadToEndAsync(cancellationToken);
            await output;
            await process.WaitForExitAsync(cancellationToken);
            var reason = error.Trim().Split('\n')[^1];
            if (process.ExitCode != 0) throw new BadInputException($"{FileName}: is missing and {program} fails ({reason}); {Advice}.");
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new BadInputException($"{FileName}: is missing and {program} does not run here; {Advice}.", exception);
        }
    }
}
