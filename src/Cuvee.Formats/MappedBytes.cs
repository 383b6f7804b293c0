using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Cuvee.Formats;

/// <summary>The pages of a mapped file, in place while anything refers to this: a matrix may outlive the reader that made it.</summary>
internal sealed unsafe class MappedBytes
{
    private readonly SafeMemoryMappedViewHandle handle;

    public MappedBytes(MemoryMappedViewAccessor view)
    {
        handle = view.SafeMemoryMappedViewHandle;
        byte* start = null;
        handle.AcquirePointer(ref start);
        Start = start + view.PointerOffset;
    }

    ~MappedBytes() => handle.ReleasePointer();

    /// <summary>First byte of the view.</summary>
    public byte* Start { get; }
}
