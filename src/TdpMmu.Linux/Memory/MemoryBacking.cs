namespace TdpMmu.Linux;

/// <summary>What lies below a <see cref="MappedMemory"/>.</summary>
public enum MemoryBacking
{
    /// <summary>Private anonymous memory.</summary>
    Anonymous,

    /// <summary>A shared memory file of the process's own. It has a second mapping, <see cref="MappedMemory.AliasAddress"/>.</summary>
    SharedMemfd,

    /// <summary>Pages from the host's pool of huge pages. The pool must hold enough of them beforehand.</summary>
    HugeTlb,
}
