namespace TdpMmu.Concurrency.Tests.Facade;

public sealed class NativeBlockTests : NativeMemoryTest
{
    [Theory]
    [InlineData(1, 128)]
    [InlineData(4096, 4096)]
    [InlineData(300, 64)]
    public void BlocksAreAlignedZeroedAndCounted(int bytes, int alignment)
    {
        var before = NativeBlock.LiveBytes;
        var block = new NativeBlock((nuint)bytes, (nuint)alignment);
        Assert.Equal(before + bytes, NativeBlock.LiveBytes);
        var address = AddressOf(block);
        Assert.Equal(0, address % alignment);
        for (var index = 0; index < bytes; index++)
        {
            Assert.Equal(0UL, RawMemory.Load(address + index, 1));
        }

        block.Dispose();
        block.Dispose();
        Assert.Equal(before, NativeBlock.LiveBytes);
        Assert.Throws<ObjectDisposedException>(() => AddressOf(block));
    }

    [Fact]
    public void LocationsLieInside()
    {
        using var block = new NativeBlock(16);
        Assert.Equal(AddressOf(block) + 8, block.Word(8).Address);
        Assert.Equal(AddressOf(block) + 12, block.Int(12).Address);
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Word(9));
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Int(13));
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Word(nuint.MaxValue - 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Int(nuint.MaxValue - 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeBlock(0));
    }

    // SAFETY: the address is compared and read inside the block only.
    private static unsafe nint AddressOf(NativeBlock block) => (nint)block.Pointer;
}
