namespace Cuvee.LanguageModels;

/// <summary>A server that takes adapters while it runs.</summary>
public interface IAdapterServer
{
    /// <param name="name">New to the server.</param>
    /// <param name="path">Folder of a PEFT adapter, as the server sees it.</param>
    /// <exception cref="LanguageModelException">The server refuses it or cannot read it.</exception>
    Task LoadAsync(string name, string path, CancellationToken cancellationToken);

    /// <summary>Asks once and waits a few seconds at most; an adapter that is not there is no error.</summary>
    /// <exception cref="LanguageModelException">The server did not.</exception>
    Task UnloadAsync(string name, CancellationToken cancellationToken);

    /// <param name="adapter">Loaded; null: the base model.</param>
    ILanguageModel Model(string? adapter);
}
