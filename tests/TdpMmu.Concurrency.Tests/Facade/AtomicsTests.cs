using System.Runtime.InteropServices;

namespace TdpMmu.Concurrency.Tests.Facade;

public sealed class AtomicsTests : NativeMemoryTest
{
    private const ulong Large = 0xFEDC_BA98_7654_3210;

    private readonly NativeBlock _block;

    public AtomicsTests() => _block = Allocate(512);

    private AtomicWord Word => _block.Word(0);

    private AtomicInt Int => _block.Int(64);

    [Fact]
    public void WordsAreLoadedAndStoredWhole()
    {
        Atomics.StoreRelaxed(Word, Large);
        Assert.Equal(Large, Atomics.LoadRelaxed(Word));
        Atomics.StoreRelease(Word, Large + 1);
        Assert.Equal(Large + 1, Atomics.LoadAcquire(Word));
        Assert.Equal(0UL, Atomics.LoadRelaxed(Word.At(1)));
    }

    [Fact]
    public void IntsLeaveTheirNeighbourAlone()
    {
        Atomics.StoreRelaxed(_block.Word(64), Large);
        Atomics.StoreRelease(Int, 7);
        Assert.Equal(7U, Atomics.LoadAcquire(Int));
        Assert.Equal(7U, Atomics.LoadRelaxed(Int));
        Assert.Equal((Large & 0xFFFF_FFFF_0000_0000) | 7, Atomics.LoadRelaxed(_block.Word(64)));
        Assert.Equal(Int, _block.Word(64).LowHalf);
    }

    [Fact]
    public void WordOperationsReturnWhatTheyPromise()
    {
        Assert.Equal(0UL, Atomics.Exchange(Word, 5));
        Assert.Equal(5UL, Atomics.CompareExchange(Word, 9, 4));
        Assert.Equal(5UL, Atomics.LoadRelaxed(Word));
        Assert.Equal(5UL, Atomics.CompareExchange(Word, ulong.MaxValue, 5));
        Assert.Equal(1UL, Atomics.Add(Word, 2));
        Assert.Equal(1UL, Atomics.Or(Word, 0xF0));
        Assert.Equal(0xF1UL, Atomics.And(Word, 0x3F));
        Assert.Equal(0x31UL, Atomics.LoadRelaxed(Word));
    }

    [Fact]
    public void IntOperationsReturnWhatTheyPromise()
    {
        Assert.Equal(0U, Atomics.Exchange(Int, 5));
        Assert.Equal(5U, Atomics.CompareExchange(Int, 9, 4));
        Assert.Equal(5U, Atomics.CompareExchange(Int, uint.MaxValue, 5));
        Assert.Equal(1U, Atomics.Add(Int, 2));
        Assert.Equal(1U, Atomics.Or(Int, 0xF0));
        Assert.Equal(0xF1U, Atomics.And(Int, 0x3F));
        Assert.Equal(0x31U, Atomics.LoadRelaxed(Int));
        Assert.Equal(0UL, Atomics.LoadRelaxed(_block.Word(64)) >> 32);
    }

    [Fact]
    public void BlocksAreEightWordsInOrder()
    {
        for (var index = 0; index < Atomics.BlockWords; index++)
        {
            Atomics.StoreRelaxed(_block.Word(128).At(index), (ulong)index + 1);
        }

        var block = Atomics.LoadBlock(_block.Word(128));
        for (var index = 0; index < Atomics.BlockWords; index++)
        {
            Assert.Equal((ulong)index + 1, block[index]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(61)]
    public void DataOfEverySizeAndAlignmentComesBack(int offset)
    {
        var location = new AtomicBytes(_block.Word(0).Address + offset);
        RoundTrip(location, (byte)0xA5);
        RoundTrip(location, (ushort)0xA55A);
        RoundTrip(location, 0xDEAD_BEEF);
        RoundTrip(location, Large);
        RoundTrip(location, (Large, ~Large));
        RoundTrip(location, (1, (byte)2));
        RoundTrip(location, 1.5);
    }

    [Fact]
    public void DataIsComparedAndExchangedInFourSizes()
    {
        var location = new AtomicBytes(_block.Word(0).Address);
        Atomics.StoreData(location, Large);
        Assert.Equal(0x10, Atomics.CompareExchangeData<byte>(location, 1, 0x10));
        Assert.Equal(0x3201, Atomics.CompareExchangeData<ushort>(location, 2, 0x3201));
        Assert.Equal(0x7654_0002, Atomics.CompareExchangeData(location, -3, 0x7654_0002));
        Assert.Equal(0xFEDC_BA98_FFFF_FFFD, Atomics.CompareExchangeData<ulong>(location, 4, 5));
        Assert.Equal(0xFEDC_BA98_FFFF_FFFD, Atomics.LoadData<ulong>(location));
        Assert.Throws<NotSupportedException>(() => Atomics.CompareExchangeData(location, default(Guid), default));
    }

    [Fact]
    public void DataIsComparedAndExchangedAcrossCacheLinesWhereTheProcessorCan()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Assert.Skip("Only x86 has locked operations on unaligned addresses.");
        }

        var location = new AtomicBytes(_block.Word(0).Address + 61);
        Assert.Equal(0UL, Atomics.CompareExchangeData(location, Large, 0UL));
        Assert.Equal(Large, Atomics.LoadData<ulong>(location));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    public void BytesAreCopiedInAndOut(int length)
    {
        var location = new AtomicBytes(_block.Word(0).Address + 3);
        var data = Enumerable.Range(0, length).Select(index => (byte)((index * 7) + 1)).ToArray();
        var copy = new byte[length];
        Atomics.CopyDataIn(data, location);
        Atomics.CopyDataOut(location, copy);
        Assert.Equal(data, copy);
        Assert.Equal(0, Atomics.LoadData<byte>(new AtomicBytes(location.Address - 1)));
        Assert.Equal(0, Atomics.LoadData<byte>(new AtomicBytes(location.Address + length)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void RawOperationsTouchTheirSizeOnly(int size)
    {
        var address = _block.Word(0).Address;
        var mask = size == 8 ? ulong.MaxValue : (1UL << (size * 8)) - 1;
        RawMemory.Store(address, 8, Large);
        Assert.Equal(Large & mask, RawMemory.Load(address, size));
        Assert.Equal(Large & mask, RawMemory.Exchange(address, size, mask));
        Assert.Equal(mask, RawMemory.CompareExchange(address, size, 3, mask));
        Assert.Equal(3UL, RawMemory.CompareExchange(address, size, 9, 2));
        Assert.Equal(5UL, RawMemory.Add(address, size, 2));
        Assert.Equal(4UL, RawMemory.Add(address, size, mask));
        Assert.Equal(4UL, RawMemory.Or(address, size, 3));
        Assert.Equal(7UL, RawMemory.And(address, size, 6));
        Assert.Equal((Large & ~mask) | 6, RawMemory.Load(address, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => RawMemory.Load(address, 3));
    }

    private static void RoundTrip<T>(AtomicBytes location, T value)
        where T : unmanaged
    {
        Atomics.StoreData(location, value);
        Assert.Equal(value, Atomics.LoadData<T>(location));
    }
}
