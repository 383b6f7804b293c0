namespace Cuvee.Server.Keys;

/// <summary>What a key may ask for; names of models and adapters are told to every key.</summary>
public static class KeyRights
{
    /// <summary>Log-probabilities, by whichever route.</summary>
    public const string Score = "score";

    /// <summary>Answers.</summary>
    public const string Generate = "generate";

    /// <summary>The routes of sessions.</summary>
    public const string Sessions = "sessions";

    public static IReadOnlyList<string> All { get; } = [Score, Generate, Sessions];
}
