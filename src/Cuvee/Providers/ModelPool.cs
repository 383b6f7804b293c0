using Cuvee.Configuration;
using Cuvee.Formats;
using Cuvee.Inference;

namespace Cuvee.Providers;

/// <summary>A base model and the folder of the whole models that take part, which may hold the base, too.</summary>
/// <param name="model">Folder of the base.</param>
/// <param name="file">The run file, for errors.</param>
internal sealed class ModelPool(string model, PoolSelection selection, string file)
{
    private IReadOnlyList<string>? folders;

    /// <summary>Folder of the base.</summary>
    public string Base => model;

    /// <summary>Reads <c>model.path</c> and <c>pool.path</c>.</summary>
    /// <exception cref="BadInputException">One is missing.</exception>
    public static ModelPool Of(ProviderSettings settings)
    {
        var beside = Path.GetDirectoryName(Path.GetFullPath(settings.File))!;
        var folder = Path.GetFullPath(Path.Combine(beside, settings.Model.RequiredText("path", "the folder of the base model")));
        return settings.Pool.Path is not null
            ? new ModelPool(folder, settings.Pool, settings.File)
            : throw new BadInputException($"{settings.File}: pool.path is missing; name the folder that holds the models' folders.");
    }

    /// <summary>Of the models, ordinal.</summary>
    public IReadOnlyList<string> Folders => folders ??=
    [
        .. AdapterPool.AdapterFolders(selection.Path!, selection.Exclude)
            .Where(member => Path.GetFullPath(member) != Path.TrimEndingDirectorySeparator(model)),
    ];

    public IReadOnlyList<string> Names => [.. Folders.Select(member => Path.GetFileName(member)!)];

    /// <exception cref="BadInputException">No base, or no model beside it.</exception>
    public void Require()
    {
        if (!Directory.Exists(model))
            throw new BadInputException($"{file}: 'model.path' names {model}, which is no folder; correct the path.");
        if (Folders.Count == 0)
            throw new BadInputException($"{file}: 'pool' holds no model but the base; name the folder of the models to merge.");
    }

    /// <summary>Hashes of the files, by role.</summary>
    public SortedDictionary<string, string> Identity()
    {
        var inputs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (role, folder) in Folders.Select(member => ($"pool/{Path.GetFileName(member)}", member)).Prepend(("model", model)))
        {
            foreach (var path in ModelFolder.FilesOf(folder))
                inputs.Add($"{role}/{Path.GetFileName(path)}", FileHash.Sha256(path));
        }

        return inputs;
    }
}
