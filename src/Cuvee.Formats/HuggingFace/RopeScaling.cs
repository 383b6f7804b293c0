namespace Cuvee.Formats.HuggingFace;

/// <summary>How rotary frequencies are stretched beyond the context that a model was first trained on.</summary>
public abstract record RopeScaling
{
    /// <param name="frequency">Radians per position, unscaled.</param>
    public abstract double Scale(double frequency);
}

/// <summary><c>linear</c>: every position counts as position / factor.</summary>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    public override double Scale(double frequency) => frequency / Factor;
}

/// <summary>
/// <c>llama3</c> (Llama 3.1 and 3.2): waves longer than the original context over <paramref name="LowFreqFactor"/> are stretched, those
/// shorter than it over <paramref name="HighFreqFactor"/> stay, between them the two mix.
/// </summary>
public sealed record Llama3RopeScaling(double Factor, double LowFreqFactor, double HighFreqFactor, int OriginalMaxPositionEmbeddings)
    : RopeScaling
{
    public override double Scale(double frequency)
    {
        var turns = OriginalMaxPositionEmbeddings * frequency / (2 * Math.PI); // full waves in the original context
        var kept = Math.Clamp((turns - LowFreqFactor) / (HighFreqFactor - LowFreqFactor), 0, 1);
        return (kept * frequency) + ((1 - kept) * frequency / Factor);
    }
}
