using Cuvee.Numerics;

namespace Cuvee.Planning;

/// <summary>
/// The validation records by 0-based position: those that generations are sampled from, and those kept out for early stopping.
/// </summary>
public sealed record ValidationSplit(IReadOnlyList<int> Search, IReadOnlyList<int> HeldOut)
{
    /// <summary>Fewer held-out records say too little about a mean to stop a search by.</summary>
    public const int SmallestHeldOut = 5;

    public static ValidationSplit Draw(int records, double heldOutFraction, ulong seed)
    {
        var heldOut = (int)Math.Round(records * heldOutFraction, MidpointRounding.ToEven);
        if (heldOut < SmallestHeldOut || records - heldOut < SmallestHeldOut) heldOut = 0;
        var order = Enumerable.Range(0, records).ToArray();
        SeededRandom.Derive(seed, "held-out").Shuffle(order.AsSpan());
        return new ValidationSplit([.. order.Skip(heldOut).Order()], [.. order.Take(heldOut).Order()]);
    }

    /// <summary>
    /// The common sample of one iteration: the same for every candidate of it, another one for the next. Ascending positions.
    /// </summary>
    public IReadOnlyList<int> Sample(int size, string stage, int iteration, ulong seed)
    {
        if (size >= Search.Count) return Search;
        var order = Search.ToArray();
        SeededRandom.Derive(seed, $"sample/{stage}/{iteration}").Shuffle(order.AsSpan());
        return [.. order.Take(size).Order()];
    }
}
