namespace Cuvee.Lab.Evolution;

/// <summary>One way of merging the parents.</summary>
/// <param name="Key">In files.</param>
/// <param name="Search">Keys of the run file; null: the plain merge <paramref name="Weight"/>.</param>
/// <param name="Budget">Further keys of a full run, such as the budget.</param>
/// <param name="Quick">Instead of <paramref name="Budget"/> under <c>--quick</c>.</param>
/// <param name="Weight">Of every parent's task vector, of the number of parents.</param>
internal sealed record EvolutionRow(
    string Key, string Name, string? Search, string Budget = "", string Quick = "", Func<int, double>? Weight = null)
{
    public const string Parameters = "ps";
    public const string Paths = "dfs-math";
    public const string Both = "ps+dfs";
    public const string Niches = "natural-niches";
    public const string Genetic = "genetic";
    public const string Mean = "mean";
    public const string Sum = "sum";
    public const string Ties = "ties";

    private const string Same = "budget: { queries: 12000 }"; // for every search, so that they compare
    private const string Less = "budget: { queries: 1200 }";

    /// <summary>Plain merges, weights of whole models, the paper's three searches, natural niches and their ablations.</summary>
    public static IReadOnlyList<EvolutionRow> All { get; } =
    [
        new(Mean, "mean of the parents", null, Weight: parents => 1.0 / parents),
        new(Sum, "sum of the parents' task vectors", null, Weight: _ => 1),
        Of(Ties, "TIES, best of a grid", "search: grid\nsettings: { method: ties }"),
        Of("cma-es", "CMA-ES, one weight a model", "search: cma-es"),
        Of("fisher-probing", "Fisher probing, a weight a model, then a layer", "search: fisher-probing"),
        Of(Parameters, "evolutionary PS (task arithmetic)", "search: evolutionary-ps"),
        Of(
            "ps-dare-ties", "evolutionary PS (DARE-TIES, weights and densities)",
            "search: evolutionary-ps\npreset: paper", settings: "sample: 40, held_out: 0.2"),
        Of(
            "ps-exact-match", "evolutionary PS by exact match alone", "search: evolutionary-ps\nobjective: exact-match\nmax_tokens: 32"),
        Of(Paths, "evolutionary DFS from the maths parent", "search: evolutionary-dfs", settings: "first: math"),
        Of("dfs", "evolutionary DFS from the Esperanto parent", "search: evolutionary-dfs", settings: "first: esperanto"),
        Of(Both, "evolutionary PS, then DFS", "search: evolutionary-ps+dfs"),
        Of(Niches, "natural niches (M2N2), a weight a layer", "search: natural-niches"),
        Of("niches-no-attraction", "M2N2 without attraction", "search: natural-niches", settings: "attraction: off"),
        Of("niches-no-competition", "M2N2 without competition (exponent 0)", "search: natural-niches", settings: "exponent: 0"),
        Of("niches-no-split", "M2N2 without split point", "search: natural-niches", settings: "split: off"),
        Of(Genetic, "genetic algorithm (exponent 0, no attraction)", "search: natural-niches", settings: "exponent: 0, attraction: off"),
    ];

    private static EvolutionRow Of(string key, string name, string search, string? settings = null)
    {
        var all = settings is null ? search : $"{search}\nsettings: {{ {settings} }}";
        return new EvolutionRow(key, name, all, Same, Less);
    }
}
