using Cuvee.Data;
using Cuvee.Lab.Data;
using Cuvee.Lab.Parents;
using Cuvee.LanguageModels;

namespace Cuvee.Lab.Evolution;

/// <summary>What <see cref="ParentsBuilder"/> wrote: the base, the parents to merge, upper bounds, and records of every skill.</summary>
internal sealed class ParentsFolder(string folder)
{
    public const int MaxAnswerTokens = 64;

    private readonly Dictionary<(string Skill, Split Split), IReadOnlyList<PromptCompletion>> records = [];

    public static string Base => ParentPlan.Base;

    public static IReadOnlyList<string> Parents { get; } = [ParentPlan.Math, ParentPlan.Esperanto];

    public static IReadOnlyList<string> Bounds { get; } = [ParentPlan.Joint, ParentPlan.JointTarget];

    /// <summary>The skill that no parent has.</summary>
    public static string Target { get; } = Skill.MathEsperanto.Name();

    public static IReadOnlyList<string> Skills { get; } = [.. SkillRecords.Measured.Select(skill => skill.Name())];

    public string Folder { get; } = Path.GetFullPath(folder);

    public string FolderOf(string model) => Path.Combine(Folder, model);

    public string FileOf(string skill, Split split) => ParentsBuilder.RecordsFile(Folder, skill, split);

    public IReadOnlyList<PromptCompletion> Records(string skill, Split split)
    {
        if (!records.TryGetValue((skill, split), out var read)) records.Add((skill, split), read = RecordFile.Read(FileOf(skill, split)));
        return read;
    }
}
