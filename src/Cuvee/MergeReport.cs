using Cuvee.Reporting;

namespace Cuvee;

/// <param name="Results">Main search first, then the comparison searches.</param>
/// <param name="Table">Null without a <c>compare</c> section.</param>
public sealed record MergeReport(IReadOnlyList<RunResult> Results, ComparisonTable? Table);
