namespace Cuvee.Merging.Methods;

/// <summary>A number that a merge method reads.</summary>
/// <param name="Name">As users write it, in lower case, such as <c>lambda</c>.</param>
/// <param name="Minimum">Smallest value allowed.</param>
/// <param name="Maximum">Largest value allowed.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="Integral">Whole numbers only, such as a choice between 0 and 1.</param>
public sealed record MergeParameter(
    string Name, double Default, double Minimum, double Maximum, string Summary, bool Integral = false)
{
    /// <summary>Where a search looks, inside [<see cref="Minimum"/>, <see cref="Maximum"/>]; null where it does
    /// not vary the number.</summary>
    public (double Minimum, double Maximum)? SearchRange { get; init; } = Integral ? null : (Minimum, Maximum);

    // What several methods share.
    internal static MergeParameter Lambda { get; } = new("lambda", 1, -10, 10, "Scale of the merged task vector.") { SearchRange = (0, 2) };

    internal static MergeParameter Weight { get; } =
        new("weight", 1, -10, 10, "Weight of the adapter's task vector.") { SearchRange = (-1.5, 1.5) };

    // mergekit's.
    internal static MergeParameter AnyWeight { get; } = new("weight", 1, -1000, 1000, "Weight of the model.");

    // One adapter's own, beside the whole's, from which its default comes.
    internal static MergeParameter AdapterDensity { get; } =
        new("density", 1, 0, 1, "The adapter's own density, instead of the whole's.") { SearchRange = null };
}
