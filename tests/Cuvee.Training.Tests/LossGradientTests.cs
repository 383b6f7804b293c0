using Cuvee.Numerics;

namespace Cuvee.Training.Tests;

public class LossGradientTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Compute_MoreExamplesThanOneChunk_IsTheMeanOverScoredTokensAndItsGradient(bool tied)
    {
        using var team = new ThreadTeam(2);
        var config = TinyModel.Config(tied);
        var weights = TinyModel.Random(config, 3);
        var shapes = Enumerable.Range(0, 35).Select(i => (Length: 3 + (i % 3), ScoredFrom: 1 + (i % 2))).ToArray(); // over 16
        var batch = TinyModel.Batch(config, 5, shapes);
        var scored = shapes.Sum(s => s.Length - s.ScoredFrom);
        var gradient = new LossGradient(weights, team);
        gradient.Compute(TinyModel.Random(config, 4), batch[..7]); // leaves nothing behind

        var (loss, dense) = gradient.Compute(weights, batch);

        var work = new SharedWork(team);
        var target = new FullTarget(weights, work);
        new TrainingPass(config, work).Run(weights, batch, 1f / scored, target.Sink);
        var wide = DoubleLlama.Widen(weights);
        double Mean() => batch.Sum(e => DoubleLlama.Loss(config, wide, e)) / scored;
        Assert.Equal(Mean(), loss, 1e-5 * loss);
        var random = new SeededRandom(2);
        var tensors = dense.ToTensors().ToDictionary(t => t.Name, t => t.Values);
        Assert.Equal(target.Parameters.Select(p => p.Name).Order(), tensors.Keys.Order());
        foreach (var parameter in target.Parameters)
        {
            var actual = tensors[parameter.Name];
            for (var i = 0; i < actual.Length; i++) Assert.Equal(parameter.Gradient[i], actual[i], 1e-5);
            var probe = random.NextInt32(actual.Length);
            GradientTests.AssertClose(GradientTests.Difference(wide[parameter.Name], probe, Mean), actual[probe], parameter.Name);
        }
    }
}
