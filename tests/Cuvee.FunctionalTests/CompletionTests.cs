using System.Diagnostics;
using Cuvee.Cli;

namespace Cuvee.FunctionalTests;

public class CompletionTests
{
    [Theory]
    [InlineData("cuvee comp", "compare completion")]
    [InlineData("./cuvee init --search cm", "cma-es")]
    [InlineData("cuvee merge --re", "--repair --resume")]
    [InlineData("cuvee apply --format ", "folded gguf peft")]
    [InlineData("cuvee merge ", "")] // the shell's own file names
    public async Task Suggest_Line_WhatMayFollow(string line, string expected)
    {
        var run = await CuveeRun.InProcessAsync($"[suggest:{line.Length}]", line);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(expected, string.Join(' ', run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Theory]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete -c cuvee")]
    public async Task Completion_OtherShells_AskTheProgram(string shell, string word)
    {
        var script = (await CuveeRun.InProcessAsync("completion", shell)).Output;
        Assert.Contains(word, script, StringComparison.Ordinal);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
        Assert.DoesNotContain("PROGRAM", script, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("merge samples/run.yaml --d", "--dry-run")]
    [InlineData("completion z", "zsh")]
    public async Task Completion_RealBash_FillsTheReply(string words, string expected)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var script = (await CuveeRun.InProcessAsync("completion", "bash")).Output;
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "completion.bash"), script);
            await File.WriteAllTextAsync(
                Path.Combine(folder.FullName, "cuvee"), $"#!/bin/bash\nexec dotnet '{typeof(CuveeCommand).Assembly.Location}' \"$@\"\n");
            // What bash itself sets when the tab key is pressed.
            var start = new ProcessStartInfo("bash") { WorkingDirectory = folder.FullName, RedirectStandardOutput = true };
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add("""
                chmod +x cuvee
                source completion.bash
                COMP_LINE="./cuvee $1" COMP_POINT=$((${#1} + 8))
                read -ra COMP_WORDS <<< "$COMP_LINE"
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                "$(complete -p ./cuvee | grep -o '_[a-z_]*complete')"
                echo "${COMPREPLY[@]}"
                """);
            start.ArgumentList.Add("bash");
            start.ArgumentList.Add(words);
            using var process = Process.Start(start)!;
            var reply = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.Equal((0, expected), (process.ExitCode, reply.Trim()));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
