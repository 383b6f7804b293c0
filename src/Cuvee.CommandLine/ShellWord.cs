using System.Text.RegularExpressions;

namespace Cuvee.CommandLine;

/// <summary>Arguments as they can be pasted into a shell.</summary>
public static partial class ShellWord
{
    /// <summary>As it stands where no character of it means anything to a shell, else in single quotes.</summary>
    public static string Of(string argument) =>
        Plain().IsMatch(argument) ? argument : $"'{argument.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex("^[A-Za-z0-9_./:=@%+,-]+$")]
    private static partial Regex Plain();
}
