using System.Security.Cryptography;
using System.Text;
using Cuvee.Lab.Data;

namespace Cuvee.Lab.Parents;

/// <summary>Which split a text belongs to, by its hash: one tenth each for validation and test.</summary>
internal static class SplitShares
{
    public static Split Of(string text) => (SHA256.HashData(Encoding.UTF8.GetBytes(text))[0] % 10) switch
    {
        0 => Split.Test,
        1 => Split.Validation,
        _ => Split.Train,
    };
}
