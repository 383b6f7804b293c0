namespace Cuvee.Inference;

/// <summary>Texts that end a completion.</summary>
public static class StopTexts
{
    /// <summary>Where the earliest of <paramref name="stop"/> begins in <paramref name="text"/>; -1 when none occurs.</summary>
    public static int Find(string text, IReadOnlyList<string> stop)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(stop);
        var earliest = -1;
        foreach (var each in stop)
        {
            var at = text.IndexOf(each, StringComparison.Ordinal);
            if (at >= 0 && (earliest < 0 || at < earliest)) earliest = at;
        }

        return earliest;
    }
}
