using Cuvee.Formats;
using Cuvee.Formats.HuggingFace;
using Cuvee.Formats.Peft;

namespace Cuvee.Cli;

/// <summary>A folder of results that appears whole: written beside its place, then renamed.</summary>
internal sealed class OutputFolder
{
    public const string GgufAdapter = "adapter.gguf";

    // What would stand beside a new result of another form: of two in one folder readers take one, and not always the new one.
    private static readonly (string Written, string Stale)[] Rivals =
    [
        (HuggingFaceModelReader.IndexFileName, HuggingFaceModelReader.WeightsFileName),
        (GgufAdapter, PeftReader.ConfigFileName),
        (GgufAdapter, PeftReader.TensorFileName),
        (PeftReader.ConfigFileName, GgufAdapter),
    ];

    private readonly string path;
    private readonly bool taken;

    /// <param name="force">Accept a folder that holds something; files of the same names are replaced one by one, those of another form of
    /// the result go, others stay. Null: the command has no such option.</param>
    /// <exception cref="BadInputException">A file, or a folder that is not empty.</exception>
    public OutputFolder(string folder, bool? force)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(path)) throw new BadInputException($"{folder}: is a file; name a folder for --out.");
        taken = Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any();
        if (taken && force != true)
        {
            var replace = force is null ? "" : ", or add --force to replace its files of the same names";
            throw new BadInputException($"{folder}: the folder is not empty; choose another --out{replace}.");
        }
    }

    /// <param name="write">Gets the temporary folder.</param>
    public void Write(Action<string> write)
    {
        var temporary = Path.Combine(Path.GetDirectoryName(path) ?? path, $".{Path.GetFileName(path)}.{Environment.ProcessId}.tmp");
        Directory.CreateDirectory(temporary);
        void Remove()
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }

        void OnExit(object? sender, EventArgs arguments) => Remove(); // a signal ends commands that look at no token
        AppDomain.CurrentDomain.ProcessExit += OnExit;
        try
        {
            write(temporary);
            if (taken)
            {
                foreach (var (written, stale) in Rivals)
                {
                    if (File.Exists(Path.Combine(temporary, written))) File.Delete(Path.Combine(path, stale));
                }

                foreach (var file in Directory.GetFiles(temporary))
                    File.Move(file, Path.Combine(path, Path.GetFileName(file)), overwrite: true);
                return;
            }

            if (Directory.Exists(path)) Directory.Delete(path);
            Directory.Move(temporary, path);
        }
        finally
        {
            Remove();
            AppDomain.CurrentDomain.ProcessExit -= OnExit;
        }
    }
}
