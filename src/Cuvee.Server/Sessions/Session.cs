using Cuvee.Server.Keys;

namespace Cuvee.Server.Sessions;

/// <summary>What one key works on: a preset, its settings, and a folder of what was made. One request at a time; others wait.</summary>
/// <param name="folder">Of this session alone; it appears with what is first written.</param>
internal sealed class Session(string id, Tenant owner, string presetId, QueryPlus query, string folder)
{
    public const int MostAdapters = 100;

    public string Id => id;

    public Tenant Owner => owner;

    public string PresetId => presetId;

    public QueryPlus Query => query;

    public string Folder => folder;

    public SemaphoreSlim Turn { get; } = new(1, 1);

    /// <summary>Requests under way, waiting ones included; changed by the store.</summary>
    public int Requests { get; set; }

    /// <summary>Timestamp of the last request's end; changed by the store.</summary>
    public long LastUsed { get; set; }
}
