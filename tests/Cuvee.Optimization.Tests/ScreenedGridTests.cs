namespace Cuvee.Optimization.Tests;

public sealed class ScreenedGridTests
{
    private static readonly double[] Start = [0, 1, 0, 0, 0, 0]; // one grid coordinate, four items

    [Fact]
    public void Ask_Twice_ItemsAloneThenTheGridOnTheBest()
    {
        var grid = Grid(top: 2, [0.3], [0.7]);
        Assert.Equal(
            [[0, 1, 1, 0, 0, 0], [0, 1, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 1]], grid.Ask().Select(trial => trial.Point));
        Tell(grid, 3, double.NaN, 1, 2);
        Assert.Empty(grid.StopReasons);
        Assert.Equal([[1, 0.3, 0, 0, 1, 1], [1, 0.7, 0, 0, 1, 1]], grid.Ask().Select(trial => trial.Point));
        Tell(grid, 0.9, 0.8);
        Assert.Equal(2, grid.StopReasons["grid"]);
        Assert.Equal([[1, 0.7, 0, 0, 1, 1], [1, 0.3, 0, 0, 1, 1]], grid.Recommend());
    }

    [Fact]
    public void Recommend_BeforeTheGrid_StartThenBestItems()
    {
        var grid = Grid(top: 9, [0.5]);
        Assert.Equal([Start], grid.Recommend());
        grid.Ask();
        Tell(grid, 3, 1, 1, 2);
        Assert.Equal([0, 1, 0, 1, 0, 0], grid.Recommend()[0]); // of two equal ones the first
        Assert.Equal([1, 0.5, 1, 1, 1, 1], Assert.Single(grid.Ask()).Point); // fewer than nine: all
    }

    [Fact]
    public void Tell_PenaltyBesideTheLoss_RanksByBoth()
    {
        var grid = Grid(top: 1, [0.5]);
        grid.Ask();
        grid.Tell([new(1, 2), new(2, 0.5), new(4), new(4)]);
        Assert.Equal([1, 0.5, 0, 1, 0, 0], Assert.Single(grid.Ask()).Point);
    }

    [Fact]
    public void AskAndTell_OutOfTurn_Refused()
    {
        var grid = Grid(top: 1, [0.5]);
        Assert.Throws<InvalidOperationException>(() => grid.Tell([]));
        grid.Ask();
        Assert.Throws<InvalidOperationException>(() => grid.Ask());
        Assert.Throws<ArgumentException>(() => Tell(grid, 1));
        Tell(grid, 1, 2, 3, 4);
        grid.Ask();
        Tell(grid, 1);
        Assert.Throws<InvalidOperationException>(() => grid.Ask());
    }

    [Fact]
    public void Constructor_WrongSizes_Refused()
    {
        Assert.Throws<ArgumentException>(() => Grid(top: 0, [0.5]));
        Assert.Throws<ArgumentException>(() => Grid(top: 1));
        Assert.Throws<ArgumentException>(() => Grid(top: 1, [0.5, 0.5]));
    }

    private static ScreenedGrid Grid(int top, params double[][] points) =>
        new(Start, new ScreenedGridOptions { Items = 4, Top = top, Grid = points });

    private static void Tell(ScreenedGrid grid, params double[] losses) => grid.Tell([.. losses.Select(loss => new TrialEvaluation(loss))]);
}
