namespace Cuvee.Lab.Data;

public enum Split
{
    /// <summary>train.jsonl without every record that some data set reserves for validation.</summary>
    Train,

    /// <summary>The records of train.jsonl reserved for the search; in no training data.</summary>
    Validation,

    Test,
}
