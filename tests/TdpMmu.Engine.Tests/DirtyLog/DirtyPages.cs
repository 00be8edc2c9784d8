namespace TdpMmu.Engine.Tests.DirtyLog;

internal static class DirtyPages
{
    /// <summary>Takes a slot's dirty log as page numbers in order.</summary>
    internal static List<ulong> Take(VirtualMachine machine, MemorySlot slot)
    {
        var bitmap = new ulong[slot.DirtyLogWords];
        var count = machine.GetDirtyLog(slot, bitmap);
        var pages = Of(bitmap);
        Assert.Equal(count, pages.Count);
        return pages;
    }

    /// <summary>The numbers of the bits that are set, in order.</summary>
    internal static List<ulong> Of(ReadOnlySpan<ulong> bitmap)
    {
        var pages = new List<ulong>();
        for (var bit = 0; bit < bitmap.Length * 64; bit++)
        {
            if ((bitmap[bit / 64] >> (bit % 64) & 1) != 0)
            {
                pages.Add((ulong)bit);
            }
        }

        return pages;
    }
}
