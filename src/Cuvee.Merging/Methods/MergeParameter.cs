namespace Cuvee.Merging.Methods;

/// <summary>A number that a merge method reads.</summary>
/// <param name="Name">As users write it, in lower case, such as <c>lambda</c>.</param>
/// <param name="Minimum">Smallest value allowed.</param>
/// <param name="Maximum">Largest value allowed.</param>
/// <param name="Summary">One sentence for people.</param>
public sealed record MergeParameter(string Name, double Default, double Minimum, double Maximum, string Summary);
