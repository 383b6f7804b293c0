namespace Cuvee.Lab.Data;

/// <summary>What a data set annotates; on disk it is the folder that the data set's own folder lies in.</summary>
public enum DataSetKind
{
    Ner,
    Re,
    Event,
    Classify,
}
