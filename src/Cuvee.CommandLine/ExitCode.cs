namespace Cuvee.CommandLine;

/// <summary>What every command of the project returns to the shell.</summary>
public static class ExitCode
{
    public const int Done = 0;

    public const int Failed = 1;

    /// <summary>Wrong usage or bad input: nothing was tried.</summary>
    public const int BadInput = 2;

    /// <summary>Ctrl-C or a termination signal, as shells report it (128 + SIGINT).</summary>
    public const int Stopped = 130;
}
