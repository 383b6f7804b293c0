using Cuvee.Events;

namespace Cuvee.Tests.Runs;

internal sealed class EventLog : IProgress<RunEvent>
{
    private readonly List<RunEvent> events = [];

    public IEnumerable<T> Of<T>() => events.OfType<T>();

    public void Report(RunEvent value) => events.Add(value);
}
