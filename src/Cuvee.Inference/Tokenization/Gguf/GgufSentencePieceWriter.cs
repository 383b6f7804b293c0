using Cuvee.Formats;
using Cuvee.Formats.Gguf;
using Cuvee.Formats.HuggingFace;
using Cuvee.Inference.Tokenization.SentencePiece;

namespace Cuvee.Inference.Tokenization.Gguf;

/// <summary>A <c>tokenizer.model</c> and the settings beside it as GGUF keys: llama.cpp numbers kinds of pieces as SentencePiece does.</summary>
internal static class GgufSentencePieceWriter
{
    /// <param name="folder">Holds a tokenizer.model that <see cref="Tokenizer"/> accepts.</param>
    /// <exception cref="BadInputException">A file is missing or broken.</exception>
    public static void Write(string folder, LlamaConfig config, GgufMetadata metadata)
    {
        var model = SentencePieceModel.Read(Path.Combine(folder, Tokenizer.SentencePieceName));
        var settings = SentencePieceSettings.Read(folder);
        var tokens = new string[config.VocabSize];
        var types = new int[config.VocabSize];
        var scores = new float[config.VocabSize];
        for (var id = 0; id < tokens.Length; id++)
        {
            (tokens[id], scores[id], types[id]) = id < model.Pieces.Count
                ? (model.Pieces[id].Text, model.Pieces[id].Score, (int)model.Pieces[id].Kind)
                : ($"[PAD{id}]", 0, (int)GgufTokenType.Unused);
        }

        foreach (var added in settings.AddedTokens)
        {
            tokens[added.Id] = added.Content;
            if (added.Id >= model.Pieces.Count) types[added.Id] = (int)(added.Special ? GgufTokenType.Control : GgufTokenType.UserDefined);
        }

        metadata.Add(GgufKeys.Tokenizer, GgufTokenizerKinds.SentencePiece);
        metadata.Add(GgufKeys.PreTokenizer, GgufTokenizerKinds.NoPreTokenizer);
        metadata.Add(GgufKeys.Tokens, tokens);
        metadata.Add(GgufKeys.TokenTypes, types);
        metadata.Add(GgufKeys.Scores, scores);
        metadata.Add(GgufKeys.AddSpacePrefix, settings.AddsPrefixSpace ?? model.AddsDummyPrefix);
        var unknown = model.Pieces.FindIndex(piece => piece.Kind == PieceKind.Unknown);
        if (unknown >= 0) metadata.Add(GgufKeys.Unknown, (uint)unknown);
        GgufTokenizerKinds.AddEnds(metadata, config, settings.AddsBegin, settings.AddsEnd);
    }
}
