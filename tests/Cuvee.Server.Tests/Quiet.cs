using Cuvee.Events;

namespace Cuvee.Server.Tests;

/// <summary>Nobody watches the run.</summary>
internal sealed class Quiet : IProgress<RunEvent>
{
    public void Report(RunEvent value)
    {
    }
}
