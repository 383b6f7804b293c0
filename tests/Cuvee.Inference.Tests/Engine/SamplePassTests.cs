using System.Runtime.CompilerServices;
using Cuvee.Inference.Forward;
using Cuvee.Numerics;

namespace Cuvee.Inference.Tests.Engine;

public class SamplePassTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_Over_HoldsNoCache(bool isStopped)
    {
        var fixture = EngineFixture.Load("a");
        using var team = new ThreadTeam(1);
        var rotary = new RotaryTable(fixture.Config.HeadDim, fixture.Config.RopeTheta, fixture.Config.RopeScaling);
        rotary.Reserve(1);
        var pass = new SamplePass(fixture.Config, rotary, team);

        var cache = CacheOfAPass(pass, fixture, isStopped);

        GC.Collect();
        Assert.False(cache.IsAlive);
        GC.KeepAlive(pass);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference CacheOfAPass(SamplePass pass, EngineFixture fixture, bool isStopped)
    {
        var (config, cache) = (fixture.Config, new KvCache());
        cache.Reset(config.NumHiddenLayers, config.NumKeyValueHeads, config.HeadDim, 1);
        var stop = new CancellationToken(isStopped);
        void Run() => pass.Run(fixture.Weights, null, [new SequenceRows([0], 0, 1, 0, 0, cache, null)], [], stop);
        if (isStopped) Assert.Throws<OperationCanceledException>(Run);
        else Run();
        return new WeakReference(cache);
    }
}
