namespace Cuvee.Lab.Parents;

/// <summary>A language that stories and number words are written in.</summary>
public enum Language
{
    English,
    Esperanto,
}
