using Cuvee.Merging;
using Cuvee.Planning;
using Cuvee.Runs;

namespace Cuvee.Tests.Runs;

public sealed class WrittenRankTests : SoftmaxRuns
{
    [Theory]
    [InlineData(0, new[] { 12 })]
    [InlineData(8, new[] { 8, 12 })]
    public async Task ExecuteAsync_NoRankAsked_OnlyMeasurableOnesAreTriedBeforeTheExact(int largest, int[] expected)
    {
        for (var i = 0; i < Names.Length; i++) zoo.WriteAdapter(Names[i], rank: 4, (ulong)i);
        var plan = Assert.Single(RunPlanner.Plan(zoo.Configure(Weights + "fallback: none\nbudget: { evaluations: 60 }")));
        var session = new SoftmaxSession(Host(), new RecipeMerger(AdapterPool.Load(zoo.PoolFolder))) { LargestMeasuredRank = largest };
        var result = await new RunExecutor(session, TimeProvider.System, new EventLog())
            .ExecuteAsync(plan, null, null, CancellationToken.None);
        Assert.Equal(expected, session.WrittenRanks);
        Assert.Equal((12, null), (result.Written!.Rank, result.Written.ValidationLoss));
    }
}
