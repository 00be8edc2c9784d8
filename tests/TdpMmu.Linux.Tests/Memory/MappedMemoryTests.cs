using System.Runtime.InteropServices;

namespace TdpMmu.Linux.Tests;

public sealed class MappedMemoryTests : LeakChecked
{
    private const ulong Mebibyte = 1UL << 20;

    [Theory]
    [InlineData(MemoryBacking.Anonymous, 4096UL, 0UL, 2 * Mebibyte)]
    [InlineData(MemoryBacking.SharedMemfd, 12288UL, 0UL, 2 * Mebibyte)]
    [InlineData(MemoryBacking.Anonymous, 1024 * Mebibyte, 0UL, 1024 * Mebibyte)]
    [InlineData(MemoryBacking.SharedMemfd, 1025 * Mebibyte, 0UL, 1024 * Mebibyte)]
    [InlineData(MemoryBacking.Anonymous, 8192UL, 16 * Mebibyte, 16 * Mebibyte)]
    public void TheBaseIsAligned(MemoryBacking backing, ulong length, ulong asked, ulong expected)
    {
        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = length, Backing = backing, Alignment = asked });
        Assert.True(memory.BaseAddress.IsAligned(expected));
        Assert.Equal(length, memory.Length);
        Assert.Equal(backing == MemoryBacking.SharedMemfd, memory.AliasAddress is not null);
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous)]
    [InlineData(MemoryBacking.SharedMemfd)]
    public void GuardsLieOnBothSides(MemoryBacking backing)
    {
        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = 8192, Backing = backing });
        Assert.Equal("rw", Protection(memory.BaseAddress.Value));
        Assert.Equal("rw", Protection(memory.BaseAddress.Value + memory.Length - 1));
        Assert.Equal("--", Protection(memory.BaseAddress.Value - 1));
        Assert.Equal("--", Protection(memory.BaseAddress.Value + memory.Length));
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous)]
    [InlineData(MemoryBacking.SharedMemfd)]
    public void DiscardLosesContentsOfThatRangeOnly(MemoryBacking backing)
    {
        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = 16384, Backing = backing });
        memory.Populate(0, memory.Length, write: true);
        nint start = (nint)memory.BaseAddress.Value;
        for (int page = 0; page < 4; page++)
        {
            Marshal.WriteInt64(start + (page * 4096), page + 1);
        }

        memory.Discard(4096, 8192);
        memory.Populate(0, memory.Length, write: false);
        Assert.Equal([1, 0, 0, 4], Enumerable.Range(0, 4).Select(page => Marshal.ReadInt64(start + (page * 4096))));
    }

    [Fact]
    public void TheAliasShowsTheSameBytes()
    {
        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = 8192, Backing = MemoryBacking.SharedMemfd, Populate = true });
        nint alias = (nint)memory.AliasAddress!.Value.Value;
        nint start = (nint)memory.BaseAddress.Value;
        Assert.NotEqual(alias, start);
        Marshal.WriteInt64(alias + 4096, 0x1122334455667788);
        Marshal.WriteInt64(start, 0x99);
        Assert.Equal(0x1122334455667788, Marshal.ReadInt64(start + 4096));
        Assert.Equal(0x99, Marshal.ReadInt64(alias));
    }

    [Fact]
    public void TransparentHugePagesAreRefusedUnlessAskedFor()
    {
        if (!Directory.Exists("/sys/kernel/mm/transparent_hugepage"))
        {
            Assert.Skip("This kernel has no transparent huge pages.");
        }

        using MappedMemory plain = MappedMemory.Create(new MappedMemoryOptions { Length = 4 * Mebibyte });
        using MappedMemory huge = MappedMemory.Create(new MappedMemoryOptions { Length = 4 * Mebibyte, TransparentHugePages = true });
        Assert.Contains("nh", Flags(plain.BaseAddress.Value));
        Assert.Contains("hg", Flags(huge.BaseAddress.Value));
    }

    [Fact]
    public void HugePagesBeyondThePoolAreRefusedWithAdvice()
    {
        const ulong PageBytes = 2 * Mebibyte;
        HugePagePool pool = HugePagePool.All().FirstOrDefault(pool => pool.PageBytes == PageBytes);
        if (pool.PageBytes == 0)
        {
            Assert.Skip("This kernel has no pool of 2 MiB pages.");
        }

        HostMemoryException failure = Assert.Throws<HostMemoryException>(() => MappedMemory.Create(new MappedMemoryOptions
        {
            Length = (pool.Total + 1) * PageBytes,
            Backing = MemoryBacking.HugeTlb,
        }));
        Assert.Equal("ENOMEM", failure.ErrorName);
        Assert.Contains("nr_hugepages", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HugePagesAreUsedWhenThePoolHasThem()
    {
        HugePagePool pool = HugePagePool.All().FirstOrDefault(pool => pool.Free > 0);
        if (pool.Free == 0)
        {
            Assert.Skip("The pools of huge pages are empty.");
        }

        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions
        {
            Length = pool.PageBytes,
            Backing = MemoryBacking.HugeTlb,
            HugePageSize = pool.PageBytes,
            Populate = true,
        });
        Marshal.WriteInt64((nint)memory.BaseAddress.Value, 5);
        Assert.Throws<ArgumentException>(() => memory.Discard(0, 4096));
        memory.Discard(0, pool.PageBytes);
        memory.Populate(0, pool.PageBytes, write: false);
        Assert.Equal(0, Marshal.ReadInt64((nint)memory.BaseAddress.Value));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(4095UL)]
    [InlineData(1UL << 50)]
    public void LengthsAreChecked(ulong length) =>
        Assert.Throws<ArgumentException>(() => MappedMemory.Create(new MappedMemoryOptions { Length = length }));

    [Fact]
    public void OptionsThatDoNotGoTogetherAreRefused()
    {
        Assert.Throws<ArgumentException>(() => MappedMemory.Create(new MappedMemoryOptions { Length = 4096, Alignment = 4097 }));
        Assert.Throws<ArgumentException>(() => MappedMemory.Create(new MappedMemoryOptions { Length = 4096, Backing = MemoryBacking.HugeTlb }));
        Assert.Throws<ArgumentException>(() => Machine.DemandPaged(1, MemoryBacking.Anonymous, populate: true));
        Assert.Throws<ArgumentException>(() => Machine.DemandPaged(512, MemoryBacking.HugeTlb));
    }

    [Fact]
    public void RangesAreChecked()
    {
        using MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = 8192 });
        Assert.Throws<ArgumentException>(() => memory.Populate(1, 4096, write: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Populate(4096, 8192, write: true));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Discard(0, 12288));
        memory.Discard(8192, 0);
    }

    [Fact]
    public void UseAfterDisposalIsRefused()
    {
        MappedMemory memory = MappedMemory.Create(new MappedMemoryOptions { Length = 4096 });
        memory.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Populate(0, 4096, write: true));
        Assert.Throws<ObjectDisposedException>(() => memory.Discard(0, 4096));
    }

    [Fact]
    public void DemandPagedMemoryWithoutAPagerIsNotFilledWithZeros()
    {
        using MappedMemory memory = Machine.DemandPaged(1, MemoryBacking.Anonymous);
        HostMemoryException failure = Assert.Throws<HostMemoryException>(() => memory.Populate(0, 4096, write: true));
        Assert.Contains("pager", failure.Message, StringComparison.Ordinal);
    }

    private static string? Protection(ulong address) => MappingOf("/proc/self/maps", address)?.Split(' ')[1][..2];

    private static string Flags(ulong address)
    {
        string[] lines = File.ReadAllLines("/proc/self/smaps");
        int first = Array.FindIndex(lines, line => Covers(line, address));
        return lines.Skip(first).First(line => line.StartsWith("VmFlags:", StringComparison.Ordinal));
    }

    private static string? MappingOf(string path, ulong address) => File.ReadAllLines(path).FirstOrDefault(line => Covers(line, address));

    private static bool Covers(string line, ulong address)
    {
        string[] bounds = line.Split(' ')[0].Split('-');
        return bounds.Length == 2
            && ulong.TryParse(bounds[0], System.Globalization.NumberStyles.HexNumber, null, out ulong start)
            && ulong.TryParse(bounds[1], System.Globalization.NumberStyles.HexNumber, null, out ulong end)
            && address >= start && address < end;
    }
}
