namespace Cuvee.Training.Tests;

public class TrainingSettingsTests
{
    [Theory]
    [InlineData(0, 0.0005)]
    [InlineData(9, 0.005)]
    [InlineData(19, 0.01)]
    [InlineData(20, 0.01)]
    [InlineData(45, 0.00868198051533946)] // a quarter of the cosine: 0.1 + 0.9 * (1 + sqrt(1/2)) / 2 of the peak
    [InlineData(70, 0.0055)]
    [InlineData(120, 0.001)]
    public void LearningRateAt_WarmUpThenCosine_ClosedFormValue(int step, double expected)
    {
        var settings = new TrainingSettings { Steps = 120, LearningRate = 0.01, WarmUpSteps = 20, FinalLearningRateRatio = 0.1 };

        Assert.Equal(expected, settings.LearningRateAt(step), 1e-12);
    }

    [Fact]
    public void LearningRateAt_NoWarmUp_StartsAtThePeakAndStaysFiniteForOneStep()
    {
        Assert.Equal(0.01, new TrainingSettings { Steps = 50, LearningRate = 0.01, WarmUpSteps = 0 }.LearningRateAt(0), 1e-15);
        Assert.Equal(0.01, new TrainingSettings { Steps = 1, LearningRate = 0.01, WarmUpSteps = 1 }.LearningRateAt(0), 1e-15);
    }
}
