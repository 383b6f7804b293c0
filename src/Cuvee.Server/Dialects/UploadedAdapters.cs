using System.Globalization;
using Cuvee.Formats;
using Cuvee.Formats.Peft;
using Cuvee.Server.Engine;

namespace Cuvee.Server.Dialects;

/// <summary>Adapters that callers have loaded from the folder that they share with the service. Thread-safe.</summary>
internal sealed class UploadedAdapters(ServedPool served, ServerOptions options)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, ServedRecipe> loaded = new(StringComparer.Ordinal);
    private readonly string exchange = Path.GetFullPath(options.Exchange!) + Path.DirectorySeparatorChar;
    private readonly int maxRank = options.Faults.Contains(ServerFault.RankLimit) ? 1 : options.MaxRank;
    private int count;

    public IReadOnlyList<string> Names
    {
        get
        {
            lock (gate) return [.. loaded.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Null where none has the name.</summary>
    public ServedRecipe? Find(string name)
    {
        lock (gate) return loaded.GetValueOrDefault(name);
    }

    /// <param name="path">Folder below the shared one.</param>
    /// <exception cref="ServiceException">404: no adapter lies there.</exception>
    /// <exception cref="BadInputException">The name is taken, the adapter is broken, or of more rank than the service takes.</exception>
    public void Load(string name, string path)
    {
        if (path.Contains('\0')) throw new BadInputException($"Loading lora {name} failed: its path holds a null character; remove it.");
        var folder = Path.GetFullPath(Path.Combine(exchange, path));
        if (!folder.StartsWith(exchange, StringComparison.Ordinal) || folder == exchange || !Directory.Exists(folder))
            throw ServiceException.NotFound($"Loading lora {name} failed: no adapter found for {path}.");
        lock (gate)
        {
            if (loaded.ContainsKey(name) || name == served.Name)
                throw new BadInputException($"The lora adapter '{name}' has already been loaded.");
            var adapter = Read(folder);
            if (adapter.Config.Rank > maxRank)
                throw new BadInputException($"LoRA rank {adapter.Config.Rank} is greater than max_lora_rank {maxRank}.");
            var key = string.Create(CultureInfo.InvariantCulture, $"uploaded/{++count}");
            loaded.Add(name, served.Adapt(adapter, key));
        }
    }

    /// <returns>It was there.</returns>
    public bool Unload(string name)
    {
        lock (gate) return loaded.Remove(name);
    }

    private PeftAdapter Read(string folder)
    {
        try
        {
            return PeftReader.Read(folder, new PeftReaderOptions { Base = served.Config });
        }
        catch (BadInputException exception)
        {
            throw new BadInputException(exception.Message.Replace(exchange, "", StringComparison.Ordinal), exception);
        }
    }
}
