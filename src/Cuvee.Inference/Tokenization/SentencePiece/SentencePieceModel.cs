using System.Text.RegularExpressions;
using Cuvee.Formats;

namespace Cuvee.Inference.Tokenization.SentencePiece;

/// <summary>What a <c>tokenizer.model</c> (sentencepiece_model.proto) of the BPE kind says, checked.</summary>
internal sealed partial class SentencePieceModel
{
    private const long LargestFile = 64 << 20; // bytes; the largest real ones (256,000 pieces) take 5 MB

    private const int Bpe = 2; // ModelType

    private static readonly string[] ModelTypes = ["(none)", "Unigram", "BPE", "Word", "Char"];

    private readonly string source;
    private int modelType = 1;

    private SentencePieceModel(string source) => this.source = source;

    /// <summary>By id; at least one of them.</summary>
    public List<SentencePiece> Pieces { get; } = [];

    public bool ByteFallback { get; private set; }

    public string BeginPiece { get; private set; } = "<s>";

    public string EndPiece { get; private set; } = "</s>";

    /// <summary>A space, or its mark, before every text.</summary>
    public bool AddsDummyPrefix { get; private set; } = true;

    /// <summary>Runs of spaces become one, and none stays at the ends.</summary>
    public bool RemovesExtraSpaces { get; private set; } = true;

    /// <summary>Spaces become U+2581.</summary>
    public bool EscapesSpaces { get; private set; } = true;

    /// <exception cref="BadInputException">Missing, too large, broken, or of a kind that is not supported.</exception>
    public static SentencePieceModel Read(string path)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path).Length > LargestFile)
                throw new BadInputException($"{path}: larger than {LargestFile >> 20} MB; no tokenizer.model is.");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{path}: cannot be read ({exception.Message.TrimEnd('.')}); name a tokenizer.model.", exception);
        }

        return Parse(bytes, path);
    }

    /// <exception cref="BadInputException">As for <see cref="Read"/>.</exception>
    public static SentencePieceModel Parse(ReadOnlySpan<byte> bytes, string source)
    {
        var model = new SentencePieceModel(source);
        if (TiktokenLine().IsMatch(System.Text.Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 256)])))
            throw model.Error("is a tiktoken vocabulary, not a SentencePiece model; use the model's tokenizer.json");
        try
        {
            model.ReadModel(new ProtobufFields(bytes));
        }
        catch (InvalidDataException exception)
        {
            throw new BadInputException(
                $"{source}: is no SentencePiece model ({exception.Message}); use the tokenizer.model that came with the model.", exception);
        }

        model.Check();
        return model;
    }

    /// <param name="problem">With its mend.</param>
    public BadInputException Error(string problem) => new($"{source}: {problem}.");

    private void ReadModel(ProtobufFields fields)
    {
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: Pieces.Add(ReadPiece(new ProtobufFields(fields.Bytes()))); break;
                case 2: ReadTrainerSpec(new ProtobufFields(fields.Bytes())); break;
                case 3: ReadNormalizerSpec(new ProtobufFields(fields.Bytes())); break;
                default: fields.Skip(); break; // 4: self_test_data; 5: denormalizer_spec, which no decoder applies
            }
        }
    }

    private static SentencePiece ReadPiece(ProtobufFields fields)
    {
        var (text, score, kind) = ("", 0f, PieceKind.Normal);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: text = fields.Text(); break;
                case 2: score = fields.Single(); break;
                case 3: kind = (PieceKind)fields.Integer(); break;
                default: fields.Skip(); break;
            }
        }

        return new SentencePiece(text, score, kind);
    }

    private void ReadTrainerSpec(ProtobufFields fields)
    {
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 3: modelType = (int)Math.Clamp(fields.Integer(), 0, ModelTypes.Length); break;
                case 24 when fields.Boolean(): throw Error("'treat_whitespace_as_suffix' is not supported; use the model's tokenizer.json");
                case 24: break;
                case 35: ByteFallback = fields.Boolean(); break;
                case 46: BeginPiece = fields.Text(); break;
                case 47: EndPiece = fields.Text(); break;
                default: fields.Skip(); break; // how it was trained
            }
        }
    }

    private void ReadNormalizerSpec(ProtobufFields fields)
    {
        var (name, maps) = ("", false);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1: name = fields.Text(); break;
                case 2: maps = fields.Bytes().Length > 0; break;
                case 3: AddsDummyPrefix = fields.Boolean(); break;
                case 4: RemovesExtraSpaces = fields.Boolean(); break;
                case 5: EscapesSpaces = fields.Boolean(); break;
                default: fields.Skip(); break; // 6: normalization_rule_tsv, the source of 2
            }
        }

        if (maps) throw Error($"normalizer '{name}' is not supported, only identity is; use the model's tokenizer.json");
    }

    private void Check()
    {
        if (modelType != Bpe)
        {
            var name = modelType < ModelTypes.Length ? ModelTypes[modelType] : "unknown";
            throw Error($"'model_type' is {name}; only BPE is supported");
        }

        if (Pieces.Count == 0) throw Error("has no piece; use the tokenizer.model that came with the model");
        var seen = new HashSet<string>(Pieces.Count, StringComparer.Ordinal);
        for (var id = 0; id < Pieces.Count; id++)
        {
            var (text, score, kind) = Pieces[id];
            if (text.Length is 0 or > SentencePiece.Longest)
                throw Error($"piece {id} has {text.Length} characters instead of 1 to {SentencePiece.Longest}");
            if (!seen.Add(text)) throw Error($"piece {id} repeats '{text}'");
            if (!float.IsFinite(score)) throw Error($"piece {id}, '{text}', has a score that is no number");
            if (kind == PieceKind.Unused) throw Error($"piece {id}, '{text}', has the type unused, which is not supported");
            if (!Enum.IsDefined(kind)) throw Error($"piece {id}, '{text}', has the type {(int)kind}, which is not supported");
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9+/]+=* [0-9]+\r?\n")]
    private static partial Regex TiktokenLine();
}

/// <param name="Score">Higher ones are merged first.</param>
internal readonly record struct SentencePiece(string Text, float Score, PieceKind Kind)
{
    public const int Longest = 512; // UTF-16 units
}

/// <summary>Numbers as in sentencepiece_model.proto.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
