namespace Cuvee.Inference.Tokenization.Bpe;

/// <summary>
/// GPT-2's one-to-one spelling of the 256 bytes by printable characters: printable Latin-1 bytes stand for themselves, the other 68 bytes
/// take U+0100 upwards in byte order (so a space is written U+0120).
/// </summary>
internal static class ByteLevelAlphabet
{
    private const int LastCharacter = 0x0143;

    private static readonly char[] Characters = BuildCharacters(); // [256]
    private static readonly short[] Bytes = BuildBytes();          // [0x144], -1 where no byte is spelt so

    public static char ToCharacter(byte value) => Characters[value];

    /// <param name="text">[bytes] receives the spelling.</param>
    public static void Spell(ReadOnlySpan<byte> bytes, Span<char> text)
    {
        for (var i = 0; i < bytes.Length; i++) text[i] = Characters[bytes[i]];
    }

    /// <returns>False, with nothing appended, when the token holds a character outside the alphabet.</returns>
    public static bool TryAppendBytes(string token, List<byte> bytes)
    {
        var start = bytes.Count;
        foreach (var character in token)
        {
            var value = character <= LastCharacter ? Bytes[character] : (short)-1;
            if (value < 0)
            {
                bytes.RemoveRange(start, bytes.Count - start);
                return false;
            }

            bytes.Add((byte)value);
        }

        return true;
    }

    private static char[] BuildCharacters()
    {
        var characters = new char[256];
        var next = 0x100;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = printable ? (char)value : (char)next++;
        }

        return characters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[LastCharacter + 1];
        Array.Fill(bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            bytes[Characters[value]] = (short)value;
        return bytes;
    }
}
