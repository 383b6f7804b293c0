using Cuvee.Numerics;

namespace Cuvee.Lab.Data;

/// <summary>
/// Chooses the records of train.jsonl that are kept for the search: 300, or a third of a set with fewer than 900. The records with the
/// smallest seeded hash of their text are taken, not random positions: several data sets annotate the same texts (NER and RE of one corpus,
/// slots and intents of one log), and so they reserve mostly the same texts instead of losing them twice.
/// </summary>
public static class ValidationReserve
{
    public const ulong DefaultSeed = 2509;

    public static int Count(int trainRecords) => trainRecords < 900 ? trainRecords / 3 : 300;

    /// <returns>Positions in <paramref name="fingerprints"/>, in hash order: any prefix is itself a random sample.</returns>
    public static int[] Choose(IReadOnlyList<string> fingerprints, ulong seed = DefaultSeed)
    {
        return Enumerable.Range(0, fingerprints.Count)
            .OrderBy(i => SeededRandom.Derive(seed, fingerprints[i]).NextUInt64())
            .ThenBy(i => i)
            .Take(Count(fingerprints.Count))
            .ToArray();
    }
}
