namespace Cuvee.Providers;

/// <summary>A key in an environment variable.</summary>
public static class ServiceKey
{
    /// <param name="refusal">Makes an error of a sentence that follows the name of an option or field.</param>
    /// <returns>Without white space around it, such as the carriage return of a file written elsewhere.</returns>
    public static string Of(string variable, Func<string, Exception> refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        var names = $"names the environment variable {variable}";
        var key = Environment.GetEnvironmentVariable(variable)?.Trim();
        if (string.IsNullOrEmpty(key)) throw refusal($"{names}, which is not set; set it.");
        return key.All(letter => letter is >= ' ' and <= '~')
            ? key
            : throw refusal($"{names}, whose value has a character that no key has, such as a line break or an accent; correct it.");
    }
}
