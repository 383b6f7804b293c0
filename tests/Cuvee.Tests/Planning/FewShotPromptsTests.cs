using Cuvee.Data;
using Cuvee.Inference;
using Cuvee.LanguageModels;
using Cuvee.Planning;
using Cuvee.Tests.Runs;

namespace Cuvee.Tests.Planning;

public sealed class FewShotPromptsTests : IDisposable
{
    private const int Context = 128; // of TinyZoo

    private readonly TinyZoo zoo = new();

    public void Dispose() => zoo.Dispose();

    [Fact]
    public void Fit_NoTemplate_ExamplesThenABlankLineThenThePrompt()
    {
        var plan = Plan("few_shot: 3");
        var prompts = plan.FewShot!;
        Assert.Equal(3, prompts.Examples.Distinct().Count());
        var solved = prompts.Examples.Select(i => $"{plan.Validation[i].Prompt}{plan.Validation[i].Completion}\n\n");
        var front = string.Concat(solved);
        Assert.Equal(plan.Test!.Select(record => record with { Prompt = front + record.Prompt }), prompts.Test);
        Assert.Equal(["\n\n"], prompts.Stop);
        Assert.Contains("few-shot row: 3 of 24 validation records in every prompt.", plan.Notes);
    }

    [Fact]
    public void Fit_RecordThatIsAnExample_IsAskedWithoutItself()
    {
        var plan = Plan("few_shot: 2");
        var (first, second) = (plan.FewShot!.Examples[0], plan.FewShot.Examples[1]);
        string Solved(int i) => $"{plan.Validation[i].Prompt}{plan.Validation[i].Completion}\n\n";
        Assert.Equal(Solved(second) + plan.Validation[first].Prompt, plan.FewShot.Validation[first].Prompt);
        Assert.Equal(Solved(first) + plan.Validation[second].Prompt, plan.FewShot.Validation[second].Prompt);
        var other = Enumerable.Range(0, 24).First(i => i != first && i != second);
        Assert.Equal(Solved(first) + Solved(second) + plan.Validation[other].Prompt, plan.FewShot.Validation[other].Prompt);
    }

    [Fact]
    public void Fit_OtherSeed_OtherExamples()
    {
        Assert.Equal(Plan("few_shot: 3").FewShot!.Examples, Plan("few_shot: 3").FewShot!.Examples);
        Assert.NotEqual(Plan("few_shot: 3").FewShot!.Examples, Plan("few_shot: 3", "seed: 8\n").FewShot!.Examples);
    }

    /// <summary>Records of one length: any further example would pass the context.</summary>
    [Fact]
    public void Fit_Auto_AsManyAsTheContextHolds()
    {
        static PromptCompletion[] Alike(int count, string more) =>
            [.. Enumerable.Range(0, count).Select(i => new PromptCompletion($"{i}", "red plum" + more, "blue soup"))];
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), Alike(60, ""));
        RecordFile.Write(Path.Combine(zoo.Folder, "test.jsonl"), [.. Alike(3, ""), new("long", "river stone cloud lamp", "green bread")]);
        var prompts = Plan("few_shot: auto").FewShot!;

        var encoder = new TextEncoder(ModelFolder.Open(zoo.ModelFolder).Tokenizer, zoo.Config, TextRules.Plain);
        int Tokens(string prompt, string completion) => encoder.Prompt(prompt).Count + encoder.Completion(completion).Count;
        Assert.InRange(prompts.Examples.Count, 2, 59);
        Assert.All(prompts.Test.Concat(prompts.Validation), record => Assert.InRange(Tokens(record.Prompt, record.Completion), 1, Context));
        Assert.True(Tokens("red plumblue soup\n\n" + prompts.Test[3].Prompt, prompts.Test[3].Completion) > Context);
    }

    [Fact]
    public void Fit_NotOneExampleFits_NoRowAndANote()
    {
        var long1 = string.Join(' ', Enumerable.Repeat("q", 40)); // 80 tokens or so: one fits the context, two do not
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), [new("a", long1, "b"), new("c", long1, "d")]);
        RecordFile.Write(Path.Combine(zoo.Folder, "test.jsonl"), [new PromptCompletion("e", long1, "f")]);
        var plan = Plan("few_shot: 1");
        Assert.Null(plan.FewShot);
        Assert.Contains("no few-shot row: beside the longest record not one example fits the model's context.", plan.Notes);
    }

    [Fact]
    public void Fit_Template_ExamplesAreEarlierTurns()
    {
        var plan = Plan("few_shot: 1", "template: mistral\n");
        var example = RecordFile.Read(Path.Combine(zoo.Folder, "validation.jsonl"))[plan.FewShot!.Examples[0]];
        var asked = RecordFile.Read(Path.Combine(zoo.Folder, "test.jsonl"))[0];
        var prompt = plan.FewShot.Test[0].Prompt;
        Assert.Equal(2, prompt.Split("[INST]").Length - 1);
        Assert.Single(prompt.Split("<|begin_of_text|>").Skip(1));
        var places = ((string[])[example.Prompt, example.Completion, asked.Prompt])
            .Select(text => prompt.IndexOf(text, StringComparison.Ordinal)).ToList();
        Assert.True(places[0] > 0 && places[1] > places[0] && places[2] > places[1], prompt);
        Assert.EndsWith(plan.Test![0].Prompt[^8..], prompt, StringComparison.Ordinal);
        Assert.Empty(plan.FewShot.Stop);
    }

    [Fact]
    public void Fit_AnswersWithBlankLines_AreNotCutAtOne()
    {
        RecordFile.Write(Path.Combine(zoo.Folder, "validation.jsonl"), [new("a", "q", "b\n\nc"), new("d", "r", "e")]);
        Assert.Empty(Plan("few_shot: 1").FewShot!.Stop);
    }

    [Fact]
    public void Plan_NotAskedFor_NoPrompts()
    {
        var plan = Plan("random_draws: 1");
        Assert.Null(plan.FewShot);
        Assert.DoesNotContain(plan.Notes, note => note.Contains("few-shot", StringComparison.Ordinal));
    }

    private RunPlan Plan(string compare, string more = "") =>
        RunPlanner.Plan(zoo.Configure($"search: cma-es\n{more}compare: {{ metric: rouge-l, {compare} }}"))[0];
}
