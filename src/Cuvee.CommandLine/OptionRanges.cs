using System.CommandLine;
using System.Numerics;

namespace Cuvee.CommandLine;

/// <summary>Ranges of number options, checked while the command line is parsed.</summary>
public static class OptionRanges
{
    /// <summary>Refuses values outside [<paramref name="min"/>, <paramref name="max"/>], NaN included.</summary>
    public static Option<T> InRange<T>(this Option<T> option, T min, T max)
        where T : struct, INumber<T>, IMinMaxValue<T>
    {
        ArgumentNullException.ThrowIfNull(option);
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 0) return;
            if (!T.TryParse(result.Tokens[0].Value, null, out var value) || (value >= min && value <= max)) return;
            result.AddError(max == T.MaxValue
                ? $"{option.Name} is {value}; it must be at least {min}."
                : $"{option.Name} is {value}; it must lie in [{min}, {max}].");
        });
        return option;
    }

    public static Option<T> AtLeast<T>(this Option<T> option, T min)
        where T : struct, INumber<T>, IMinMaxValue<T> => InRange(option, min, T.MaxValue);
}
