namespace Cuvee.Lab.Parents;

/// <summary>How one model is trained: full fine-tuning of all weights of the model it starts from.</summary>
/// <param name="Name">Of its folder.</param>
/// <param name="From">The model it starts from; null: the zoo's base.</param>
/// <param name="Diet">What its training records are drawn from, and how often in relation to each other.</param>
/// <param name="LearningRate">Peak.</param>
public sealed record ParentPlan(string Name, string? From, IReadOnlyList<SkillShare> Diet, int Steps, double LearningRate)
{
    public const string Base = "base";
    public const string Math = "math";
    public const string Esperanto = "esperanto";

    /// <summary>The bound that is trained on both parents' skills.</summary>
    public const string Joint = "joint";

    /// <summary>The bound that is trained on the target too.</summary>
    public const string JointTarget = "joint-target";

    private static readonly SkillShare[] School = [new(Skill.ReadingEnglish, 1), new(Skill.Calculation, 2)];

    private static readonly SkillShare[] Problems = [new(Skill.MathEnglish, 2)];

    private static readonly SkillShare[] ForeignLanguage =
        [new(Skill.ReadingEsperanto, 5), new(Skill.ToEnglish, 2), new(Skill.ToEsperanto, 2), new(Skill.Numbers, 4)];

    /// <summary>Each after the one it starts from.</summary>
    public static IReadOnlyList<ParentPlan> All { get; } =
    [
        new(Base, null, School, 800, 1e-3),
        new(Math, Base, [.. Problems, .. School], 200, 3e-4),
        new(Esperanto, Base, [.. ForeignLanguage, .. School], 600, 4e-4),
        new(Joint, Base, [.. Problems, .. ForeignLanguage, .. School], 700, 4e-4),
        new(JointTarget, Base, [.. Problems, .. ForeignLanguage, .. School, new(Skill.MathEsperanto, 2)], 700, 4e-4),
    ];

    /// <summary>Records a step.</summary>
    public int BatchSize { get; init; } = 16;
}

/// <param name="Weight">In relation to the others of a diet.</param>
public sealed record SkillShare(Skill Skill, double Weight);
