using System.CommandLine;
using Cuvee.CommandLine;
using Cuvee.Lab.Niches;

namespace Cuvee.Lab.Commands;

/// <summary><c>cuvee-lab digits</c>: the models and images of samples/digits.</summary>
internal static class DigitsCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "Folder of the models, images and record files.", Required = true };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the training.", DefaultValueFactory = _ => 42 };
        var command = new ExampleCommand(
            "digits",
            "Train two digit classifiers that know half of the digits each, for samples/digits; fetches 8 x 8 digits from Debian's " +
                "python3-sklearn.",
            "cuvee-lab digits --out runs/digits") { output, seed };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var folder = arguments.GetRequiredValue(output);
            var images = DigitImages.Read(await DigitPackage.FetchAsync(folder, cancellationToken));
            DigitModels.Write(folder, images, arguments.GetValue(seed));
            Console.Error.WriteLine($"{folder}: models/base, models/low, models/high, images.json, validation.jsonl, test.jsonl.");
            return 0;
        });
        return command;
    }
}
