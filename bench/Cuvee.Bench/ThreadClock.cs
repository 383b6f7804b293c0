using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cuvee.Bench;

/// <summary>
/// Processor seconds of the calling thread where the system tells them (Linux), else wall seconds: a busy machine blurs them less.
/// </summary>
internal static partial class ThreadClock
{
    private const int ThreadProcessorTime = 3; // CLOCK_THREAD_CPUTIME_ID

    public static double Seconds
    {
        get
        {
            if (OperatingSystem.IsLinux() && Read(ThreadProcessorTime, out var time) == 0) return time.Seconds + (time.Nanoseconds * 1e-9);
            return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Read(int clock, out TimeSpecification time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpecification
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
