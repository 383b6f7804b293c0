namespace Cuvee.Reporting;

public enum RowKind
{
    /// <summary>What a search must beat.</summary>
    Control,

    Search,
}
