namespace TdpMmu.Legacy;

/// <summary>What the legacy MMU keeps beside each table, so that it can find the table by frame and level, and its parents from it.</summary>
/// <remarks>
/// Native memory, read and changed only under the MMU's lock. It has the fields that tables of one direct-mapped tree use; KVM's
/// structure of the same purpose is about three times as large, because it also serves shadow paging of guest page tables.
/// </remarks>
internal unsafe struct ShadowPage
{
    /// <summary>The next page of the same hash bucket.</summary>
    internal ShadowPage* HashNext;

    /// <summary>The link that leads here: the bucket, or the previous page's <see cref="HashNext"/>.</summary>
    internal ShadowPage** HashLink;

    /// <summary>The page that was created after this one, or null.</summary>
    internal ShadowPage* Newer;

    /// <summary>The page that was created before this one, or null.</summary>
    internal ShadowPage* Older;

    /// <summary>The first frame that the table's entries cover.</summary>
    internal Gfn Frame;

    /// <summary>The entries that point to the table.</summary>
    internal EntryList Parents;

    /// <summary>The table.</summary>
    internal PageTables.PageTable Table;

    /// <summary>
    /// The level of the table's entries. With <see cref="Frame"/> it is the page's identity: one tree that maps directly needs no
    /// more of a role.
    /// </summary>
    internal PagingLevel Level;

    // SAFETY: links are followed under the lock, and a page is unlinked from all of them before its memory is used again.
}
