namespace Cuvee.Numerics.Tests;

public class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Run_ManyJobs_VisitsEveryItemOnce(int threads)
    {
        using var team = new ThreadTeam(threads);
        var visits = new int[37];
        for (var job = 1; job <= 3000; job++)
        {
            team.Run(visits.Length, i => Interlocked.Increment(ref visits[i]));
            Assert.All(visits, count => Assert.Equal(job, count));
        }
    }

    [Fact]
    public void Run_BodyThrows_RunsTheOthersAndRethrows()
    {
        using var team = new ThreadTeam(3);
        var visits = 0;
        var error = Assert.Throws<InvalidOperationException>(() => team.Run(20, i =>
        {
            Interlocked.Increment(ref visits);
            if (i == 11) throw new InvalidOperationException("eleven");
        }));
        Assert.Equal("eleven", error.Message);
        Assert.Equal(20, visits);
        team.Run(20, _ => Interlocked.Increment(ref visits));
        Assert.Equal(40, visits);
    }

    [Fact]
    public void Run_FromInsideAJob_RunsInPlace()
    {
        using var team = new ThreadTeam(2);
        var visits = 0;
        team.Run(4, _ => team.Run(5, _ => Interlocked.Increment(ref visits)));
        Assert.Equal(20, visits);
    }

    [Fact]
    public void Run_FromSeveralThreads_TakesTurns()
    {
        using var team = new ThreadTeam(2);
        var visits = 0;
        var callers = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var job = 0; job < 500; job++) team.Run(3, _ => Interlocked.Increment(ref visits));
        })).ToList();
        callers.ForEach(caller => caller.Start());
        callers.ForEach(caller => caller.Join());
        Assert.Equal(4 * 500 * 3, visits);
    }

    [Fact]
    public void Run_SteadyState_AllocatesNothing()
    {
        using var team = new ThreadTeam(2);
        Action<int> body = static _ => { };
        for (var job = 0; job < 100; job++) team.Run(8, body);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var job = 0; job < 100; job++) team.Run(8, body);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Run_AfterDispose_Refuses()
    {
        var team = new ThreadTeam(2);
        team.Dispose();
        Assert.Throws<ObjectDisposedException>(() => team.Run(2, _ => { }));
    }
}
