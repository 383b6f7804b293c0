namespace Cuvee.Lab.Parents;

/// <summary>What a model can be asked to do.</summary>
public enum Skill
{
    /// <summary>A sum, difference or product of two numbers, without a story.</summary>
    Calculation,

    /// <summary>An English word problem, answered by its calculation.</summary>
    MathEnglish,

    /// <summary>An Esperanto word problem, answered by its calculation: the skill that no parent has.</summary>
    MathEsperanto,

    /// <summary>Comprehension of an English story, without any arithmetic.</summary>
    ReadingEnglish,

    /// <summary>Comprehension where the story, the question or both are in Esperanto.</summary>
    ReadingEsperanto,

    /// <summary>A problem or a word, from Esperanto.</summary>
    ToEnglish,

    /// <summary>A problem or a word, from English.</summary>
    ToEsperanto,

    /// <summary>Esperanto's number words from and to digits.</summary>
    Numbers,
}
