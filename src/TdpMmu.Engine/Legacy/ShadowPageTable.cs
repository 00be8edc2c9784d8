using TdpMmu.Concurrency;

namespace TdpMmu.Legacy;

/// <summary>The shadow pages of a machine: a hash table by frame and level, and a list in the order of their creation.</summary>
/// <remarks>Read and changed only under the MMU's lock, but for the sizes.</remarks>
internal sealed unsafe class ShadowPageTable : IDisposable
{
    /// <summary>Buckets of the hash table.</summary>
    internal const int BucketCount = 1 << BucketBits;

    private const int BucketBits = 12;

    private readonly NativeBlock _block = new(BucketCount * (nuint)sizeof(ShadowPage*));
    private readonly ShadowPage** _buckets;
    private ShadowPage* _newest;

    internal ShadowPageTable() => _buckets = (ShadowPage**)_block.Pointer;

    /// <summary>The page that was created last, or null.</summary>
    internal ShadowPage* Newest => _newest;

    /// <summary>The number of pages.</summary>
    internal long Count { get; private set; }

    /// <summary>Bytes of the hash table.</summary>
    internal long Bytes => (long)_block.Length;

    /// <summary>The first page of a bucket, or null.</summary>
    internal ShadowPage* FirstOf(int bucket) => _buckets[bucket];

    /// <summary>Finds the page whose table covers a frame with entries of a level.</summary>
    /// <param name="frame">The first frame that the table covers.</param>
    /// <param name="level">The level of its entries.</param>
    /// <returns>The page, or null.</returns>
    internal ShadowPage* Find(Gfn frame, PagingLevel level)
    {
        var page = *Bucket(frame, level);
        while (page is not null && (page->Frame != frame || page->Level != level))
        {
            page = page->HashNext;
        }

        return page;
    }

    /// <summary>Adds a page that has its frame and level, and that the table does not have.</summary>
    internal void Add(ShadowPage* page)
    {
        var bucket = Bucket(page->Frame, page->Level);
        page->HashNext = *bucket;
        page->HashLink = bucket;
        if (page->HashNext is not null)
        {
            page->HashNext->HashLink = &page->HashNext;
        }

        *bucket = page;
        page->Newer = null;
        page->Older = _newest;
        if (_newest is not null)
        {
            _newest->Newer = page;
        }

        _newest = page;
        Count++;
    }

    /// <summary>Takes a page out.</summary>
    internal void Remove(ShadowPage* page)
    {
        *page->HashLink = page->HashNext;
        if (page->HashNext is not null)
        {
            page->HashNext->HashLink = page->HashLink;
        }

        if (page->Newer is not null)
        {
            page->Newer->Older = page->Older;
        }
        else
        {
            _newest = page->Older;
        }

        if (page->Older is not null)
        {
            page->Older->Newer = page->Newer;
        }

        Count--;
    }

    public void Dispose() => _block.Dispose();

    // SAFETY: the index has BucketBits bits, so the bucket lies inside the block; links lead to pages that are in the table.
    private ShadowPage** Bucket(Gfn frame, PagingLevel level)
    {
        // A multiplication by an odd constant near 2^64 divided by the golden ratio spreads neighbouring frames over the high bits.
        var hash = (frame.Value + (ulong)level.Value) * 0x9e37_79b9_7f4a_7c15;
        return _buckets + (hash >> (64 - BucketBits));
    }
}
