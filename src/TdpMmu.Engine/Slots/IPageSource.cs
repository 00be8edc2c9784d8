namespace TdpMmu;

/// <summary>Where the contents of missing pages come from: a file, a snapshot, the other side of a migration.</summary>
public interface IPageSource
{
    /// <summary>Writes the page's contents.</summary>
    /// <param name="pageIndex">The page's number in its <see cref="HostMemory"/>, from 0.</param>
    /// <param name="destination">Exactly 4,096 bytes, all of which are to be written. They must not be kept.</param>
    /// <param name="cancellationToken">Cancelled when the machine is disposed.</param>
    /// <remarks>
    /// Called by many threads at a time, once per page that is brought in. It may block. Whatever it throws poisons the page.
    /// </remarks>
    void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken);
}
