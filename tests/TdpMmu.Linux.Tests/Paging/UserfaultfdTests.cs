using System.Runtime.InteropServices;

namespace TdpMmu.Linux.Tests;

// SAFETY: the source buffers are locals or native memory that outlives the calls.
public sealed unsafe class UserfaultfdTests : LeakChecked
{
    private const ulong Page = PageGeometry.PageSize;

    public UserfaultfdTests()
    {
        Machine.RequireUserfault();
    }

    [Fact]
    public void TheFirstContentsOfAPageStay()
    {
        using MappedMemory memory = Machine.DemandPaged(2, MemoryBacking.Anonymous);
        using Userfaultfd descriptor = Open(memory);
        ulong start = memory.BaseAddress.Value;
        byte* first = Buffer(1, 1);
        byte* second = Buffer(1, 2);
        Assert.Equal(0, descriptor.Copy(start, first, Page, wake: true));
        Assert.Equal(Errno.EEXIST, descriptor.Copy(start, second, Page, wake: true));
        Assert.Equal(1, Marshal.ReadByte((nint)start));
        NativeMemory.Free(first);
        NativeMemory.Free(second);
    }

    [Fact]
    public void APartialCopyGoesOnToThePageThatIsThere()
    {
        using MappedMemory memory = Machine.DemandPaged(64, MemoryBacking.Anonymous);
        using Userfaultfd descriptor = Open(memory);
        ulong start = memory.BaseAddress.Value;
        byte* one = Buffer(1, 1);
        byte* many = Buffer(64, 2);
        Assert.Equal(0, descriptor.Copy(start + (5 * Page), one, Page, wake: true));
        Assert.Equal(Errno.EEXIST, descriptor.Copy(start, many, 64 * Page, wake: true));
        Assert.Equal(2, Marshal.ReadByte((nint)(start + (4 * Page))));
        Assert.Equal(1, Marshal.ReadByte((nint)(start + (5 * Page))));
        Assert.Equal(0, descriptor.Copy(start + (6 * Page), many, 58 * Page, wake: true));
        Assert.Equal(2, Marshal.ReadByte((nint)(start + (63 * Page))));
        NativeMemory.Free(one);
        NativeMemory.Free(many);
    }

    [Fact]
    public void ZeroPagesAndPoisonFillWhatIsMissing()
    {
        using MappedMemory memory = Machine.DemandPaged(4, MemoryBacking.Anonymous);
        using Userfaultfd descriptor = Open(memory);
        ulong start = memory.BaseAddress.Value;
        Assert.Equal(0, descriptor.ZeroPage(start + Page, Page, wake: true, out ulong done));
        Assert.Equal(Page, done);
        Assert.Equal(0, Marshal.ReadInt64((nint)(start + Page)));
        if (!descriptor.CanPoison)
        {
            Assert.False(descriptor.PoisonMissing(start, 4 * Page));
            return;
        }

        Assert.True(descriptor.PoisonMissing(start, 4 * Page));
        Assert.Equal(0, Marshal.ReadInt64((nint)(start + Page)));
        foreach (ulong page in new ulong[] { 0, 2, 3 })
        {
            Assert.NotEqual(0, LibC.MemoryAdvise((nint)(start + (page * Page)), (nuint)Page, Advice.PopulateRead));
        }
    }

    [Fact]
    public void ContinueMapsWhatTheFileHolds()
    {
        using MappedMemory memory = Machine.DemandPaged(2, MemoryBacking.SharedMemfd);
        using Userfaultfd descriptor = Userfaultfd.Open(UserfaultFeatures.MinorShared | UserfaultFeatures.MissingShared);
        ulong start = memory.BaseAddress.Value;
        descriptor.Register(start, 2 * Page, UserfaultRegistration.Minor | UserfaultRegistration.Missing);
        Assert.Equal(Errno.EFAULT, descriptor.Continue(start, Page, wake: true, out _));
        Marshal.WriteInt64((nint)memory.AliasAddress!.Value.Value, 77);
        Assert.Equal(0, descriptor.Continue(start, Page, wake: true, out _));
        Assert.Equal(77, Marshal.ReadInt64((nint)start));
        Assert.Equal(Errno.EEXIST, descriptor.Continue(start, Page, wake: true, out _));
    }

    [Fact]
    public void ACopyOutsideTheRegistrationSaysSo()
    {
        using MappedMemory memory = Machine.DemandPaged(2, MemoryBacking.Anonymous);
        using MappedMemory other = MappedMemory.Create(new MappedMemoryOptions { Length = Page });
        using Userfaultfd descriptor = Open(memory);
        byte* one = Buffer(1, 1);
        Assert.Equal(Errno.ENOENT, descriptor.Copy(other.BaseAddress.Value, one, Page, wake: true));
        Assert.Equal(0, descriptor.Wake(memory.BaseAddress.Value, Page));
        NativeMemory.Free(one);
    }

    [Fact]
    public void TheDeviceGivesADescriptorToo()
    {
        DescriptorHandle handle;
        try
        {
            handle = Userfaultfd.OpenDevice();
        }
        catch (HostMemoryException failure)
        {
            Assert.Contains("/dev/userfaultfd", failure.Message, StringComparison.Ordinal);
            Assert.Skip(failure.Message);
            return;
        }

        using (handle)
        {
            UserfaultArguments.Api argument = new() { Version = UserfaultArguments.ApiVersion };
            Assert.Equal(0, LibC.IoControl(handle.Number, UserfaultArguments.ApiRequest, &argument));
            Assert.NotEqual(0UL, argument.Features);
        }
    }

    [Fact]
    public void AFeatureThatNoKernelHasIsRefusedByName()
    {
        HostMemoryException failure = Assert.Throws<HostMemoryException>(() => Userfaultfd.Open((UserfaultFeatures)(1UL << 60)));
        Assert.Contains("UFFDIO_API", failure.Message, StringComparison.Ordinal);
    }

    private static Userfaultfd Open(MappedMemory memory)
    {
        Userfaultfd descriptor = Userfaultfd.Open(UserfaultFeatures.None, UserfaultFeatures.Poison);
        descriptor.Register(memory.BaseAddress.Value, memory.Length, UserfaultRegistration.Missing);
        return descriptor;
    }

    private static byte* Buffer(int pages, byte value)
    {
        nuint size = (nuint)pages * (nuint)Page;
        byte* buffer = (byte*)NativeMemory.Alloc(size);
        NativeMemory.Fill(buffer, size, value);
        return buffer;
    }
}
