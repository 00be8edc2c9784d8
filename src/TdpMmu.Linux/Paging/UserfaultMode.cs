namespace TdpMmu.Linux;

/// <summary>How a <see cref="UserfaultPager"/> hands a page's contents to the kernel.</summary>
public enum UserfaultMode
{
    /// <summary>The kernel allocates the page and copies the bytes in (UFFDIO_COPY). Works on anonymous and on memfd memory.</summary>
    Missing,

    /// <summary>
    /// The bytes are written into the memory file through its alias, and the kernel then maps that page (UFFDIO_CONTINUE): no copy, and cheaper
    /// still when the file's pages are allocated beforehand. Memfd memory only.
    /// </summary>
    Minor,
}
