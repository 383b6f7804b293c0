namespace Cuvee.Formats;

/// <summary>The small text that Git leaves in place of a large file until <c>git lfs pull</c> fetches it.</summary>
internal static class GitLfsPointer
{
    private static ReadOnlySpan<byte> Start => "version https://git-lfs"u8;

    /// <summary>Bytes of a file that decide.</summary>
    public static int Length => Start.Length;

    /// <summary>What to tell of a file that begins so; null where it is no pointer.</summary>
    public static string? Refusal(string path, ReadOnlySpan<byte> file) => file.StartsWith(Start)
        ? $"{path}: is a Git LFS pointer, not the file itself; run git lfs pull in its folder."
        : null;
}
