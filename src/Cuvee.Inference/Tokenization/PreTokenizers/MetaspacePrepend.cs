namespace Cuvee.Inference.Tokenization.PreTokenizers;

/// <summary><c>prepend_scheme</c>: which segments between added tokens get a mark in front.</summary>
internal enum MetaspacePrepend
{
    Always,
    First,
    Never,
}
