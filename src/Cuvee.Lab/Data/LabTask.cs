namespace Cuvee.Lab.Data;

/// <summary>What is asked of a text: the tasks of InstructUIE and text classification.</summary>
public enum LabTask
{
    /// <summary>Entities with types.</summary>
    Ner,

    /// <summary>Entity spans only.</summary>
    Es,

    /// <summary>Types of given spans.</summary>
    Et,

    /// <summary>Relations with heads and tails.</summary>
    Re,

    /// <summary>Related pairs only.</summary>
    Ep,

    /// <summary>Relations of given pairs.</summary>
    Epr,

    /// <summary>Events with triggers and arguments.</summary>
    Ee,

    /// <summary>Event triggers with types.</summary>
    Eet,

    /// <summary>Arguments of a given event.</summary>
    Eea,

    Classify,
}
