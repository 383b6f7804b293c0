namespace Cuvee.Formats.Safetensors;

/// <summary>The ways in which a safetensors file, or the tensors meant for one, can be wrong.</summary>
public enum SafetensorsDefect
{
    /// <summary>The file ends before its 8-byte header length.</summary>
    FileTooShort,

    /// <summary>A text in place of the file: Git LFS has not fetched it.</summary>
    GitLfsPointer,

    /// <summary>The header length is over the format's limit of 100,000,000 bytes.</summary>
    HeaderTooLong,

    /// <summary>The header length points past the end of the file.</summary>
    HeaderPastEnd,

    /// <summary>The header does not begin with <c>{</c>.</summary>
    HeaderStart,

    /// <summary>The header is not UTF-8.</summary>
    HeaderNotUtf8,

    /// <summary>The header is not one JSON object.</summary>
    InvalidJson,

    /// <summary>A tensor name, a field or a metadata key appears twice.</summary>
    DuplicateKey,

    /// <summary>The dtype is not one of the format.</summary>
    UnknownType,

    /// <summary>The dtype belongs to the format, but Cuvee does not read it.</summary>
    RefusedType,

    /// <summary><c>dtype</c>, <c>shape</c> or <c>data_offsets</c> is absent.</summary>
    MissingField,

    /// <summary>A tensor has a field that the format does not know.</summary>
    UnknownField,

    /// <summary>A field holds the wrong kind of JSON value.</summary>
    WrongFieldType,

    /// <summary><c>__metadata__</c> is not an object of strings.</summary>
    MetadataNotString,

    /// <summary>A dimension is below zero.</summary>
    NegativeDimension,

    /// <summary>More dimensions than <see cref="SafetensorsReader.MaxDimensions"/>.</summary>
    TooManyDimensions,

    /// <summary>A dimension is over 2,147,483,647 or the shape's size in bytes over 9.2e18.</summary>
    ShapeOverflow,

    /// <summary>A data offset is below zero.</summary>
    NegativeOffset,

    /// <summary>A tensor ends before it begins.</summary>
    OffsetsReversed,

    /// <summary>A tensor lies past the end of the file, mostly because the file was cut.</summary>
    OffsetsPastEnd,

    /// <summary>A tensor's bytes are not its shape times its element size.</summary>
    SizeMismatch,

    /// <summary>Bytes between two tensors belong to neither.</summary>
    Hole,

    /// <summary>Two tensors share bytes.</summary>
    Overlap,

    /// <summary>Bytes after the last tensor.</summary>
    TrailingBytes,

    /// <summary>A value is NaN or infinite.</summary>
    NotFinite,

    /// <summary>A finite value is too large for the type that it is converted to.</summary>
    ValueOverflow,

    /// <summary>A tensor has more elements than one array can hold.</summary>
    TensorTooLarge,

    /// <summary>The file has no tensor of that name.</summary>
    NoSuchTensor,
}
