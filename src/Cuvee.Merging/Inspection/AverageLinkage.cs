namespace Cuvee.Merging.Inspection;

/// <summary>
/// Agglomerative clustering: the two groups with the largest mean similarity between their members are joined, until it is below a
/// threshold. The best partner of each group is kept, so that joining N items takes about N squared steps. Ties go to the lower positions.
/// </summary>
internal static class AverageLinkage
{
    /// <param name="similarity">[items][items], symmetric.</param>
    /// <returns>Positions, rising within a group; groups by their first position.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> Cluster(IReadOnlyList<IReadOnlyList<double>> similarity, double threshold)
    {
        var count = similarity.Count;
        var between = similarity.Select(row => row.ToArray()).ToArray(); // [groups][groups], a group standing at its first item
        var members = Enumerable.Range(0, count).Select(i => new List<int> { i }).ToArray();
        var isOpen = Enumerable.Repeat(true, count).ToArray();
        var partner = new int[count]; // most similar open group behind this one; -1: none
        for (var i = 0; i < count; i++) partner[i] = Best(i);
        while (true)
        {
            var first = -1;
            for (var i = 0; i < count; i++)
            {
                if (isOpen[i] && partner[i] >= 0 && (first < 0 || between[i][partner[i]] > between[first][partner[first]])) first = i;
            }

            if (first < 0 || between[first][partner[first]] < threshold) break;
            var second = partner[first];
            var (a, b) = (members[first].Count, members[second].Count);
            for (var k = 0; k < count; k++)
                between[first][k] = between[k][first] = ((a * between[first][k]) + (b * between[second][k])) / (a + b);
            members[first].AddRange(members[second]);
            isOpen[second] = false;
            for (var i = 0; i < count; i++)
            {
                if (!isOpen[i]) continue;
                if (i == first || partner[i] == first || partner[i] == second) partner[i] = Best(i);
                else if (i < first && partner[i] >= 0 && IsBetter(i, first, partner[i])) partner[i] = first;
            }
        }

        return [.. Enumerable.Range(0, count).Where(i => isOpen[i]).Select(i => (IReadOnlyList<int>)[.. members[i].Order()])];

        bool IsBetter(int i, int candidate, int known) =>
            between[i][candidate] > between[i][known] || (between[i][candidate] == between[i][known] && candidate < known);

        int Best(int i)
        {
            var best = -1;
            for (var j = i + 1; j < count; j++)
                if (isOpen[j] && (best < 0 || between[i][j] > between[i][best])) best = j;
            return best;
        }
    }
}
