namespace Cuvee.Lab.Data;

/// <summary>One data set, read and split. Immutable.</summary>
public sealed class DataSet
{
    private readonly IReadOnlyList<DataRecord> train;
    private readonly IReadOnlyList<DataRecord> validation;
    private readonly IReadOnlyList<DataRecord> test;

    internal DataSet(
        DataSetDescription description, IReadOnlyList<DataRecord> train, IReadOnlyList<DataRecord> validation,
        IReadOnlyList<DataRecord> test, int withheldFromTrain)
    {
        Description = description;
        WithheldFromTrain = withheldFromTrain;
        this.train = train;
        this.validation = validation;
        this.test = test;
    }

    public DataSetDescription Description { get; }

    public string Name => Description.Name;

    public DataSetKind Kind => Description.Kind;

    /// <summary>Records that neither train nor validate because the same text stands in a test split or is reserved for validation by
    /// another data set.</summary>
    public int WithheldFromTrain { get; }

    /// <summary>What may be looked at to learn which labels there are: everything but the test split.</summary>
    public IEnumerable<DataRecord> Labelled => train.Concat(validation);

    /// <summary>Train and test in the order of the file, validation in the order of the seeded draw.</summary>
    public IReadOnlyList<DataRecord> Records(Split split) => split switch
    {
        Split.Train => train,
        Split.Validation => validation,
        Split.Test => test,
        _ => throw new ArgumentOutOfRangeException(nameof(split), split, "Unknown split."),
    };
}
