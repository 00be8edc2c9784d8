using TdpMmu.Concurrency;
using TdpMmu.Legacy;

namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>Reverse-map lists, whose chains one direct-mapped tree never needs.</summary>
[Collection(nameof(LegacyCollection))]
public sealed unsafe class EntryListTests
{
    [Theory]
    [InlineData(2), InlineData(3), InlineData(6), InlineData(7), InlineData(12), InlineData(13), InlineData(40)]
    public void A_list_gives_back_what_was_added_in_whatever_order_it_is_removed(int count)
    {
        var before = NativeBlock.LiveBytes;
        using (var entries = new NativeBlock((nuint)count * sizeof(ulong)))
        using (var descriptors = new NativeObjectPool(1, sizeof(EntryDescriptor)))
        {
            // Steps that have no divisor in common with the count visit every entry once, in different orders.
            foreach (var step in new[] { 1, count - 1, 17, 11 }.Where(step => Gcd(step, count) == 1))
            {
                var list = default(EntryList);
                var expected = new HashSet<nint>();
                for (var index = 0; index < count; index++)
                {
                    Assert.True(expected.Add(EntryAt(entries, index).Address));
                    list.Add(EntryAt(entries, index), descriptors, participant: 0);
                    Assert.Equal(DescriptorsFor(expected.Count), descriptors.InUse);
                }

                for (var index = 0; index < count; index++)
                {
                    Assert.Equal(expected, Contents(list));
                    var entry = EntryAt(entries, index * step % count);
                    expected.Remove(entry.Address);
                    list.Remove(entry, descriptors, participant: 0);
                    Assert.Equal(DescriptorsFor(expected.Count), descriptors.InUse);
                }

                Assert.True(list.IsEmpty);
            }
        }

        Assert.Equal(before, NativeBlock.LiveBytes);
    }

    [Fact]
    public void Removing_what_a_list_does_not_have_says_so()
    {
        using var entries = new NativeBlock(4 * sizeof(ulong));
        using var descriptors = new NativeObjectPool(1, sizeof(EntryDescriptor));
        var list = default(EntryList);
        Assert.Throws<InvariantViolationException>(() => RemoveFrom(list));
        list.Add(EntryAt(entries, 0), descriptors, participant: 0);
        Assert.Throws<InvariantViolationException>(() => RemoveFrom(list));
        list.Add(EntryAt(entries, 1), descriptors, participant: 0);
        Assert.Throws<InvariantViolationException>(() => RemoveFrom(list));

        void RemoveFrom(EntryList copy) => copy.Remove(EntryAt(entries, 3), descriptors, participant: 0);
    }

    [Fact]
    public void A_pool_never_hands_an_object_out_twice()
    {
        using var pool = new NativeObjectPool(2, 64);
        var taken = new HashSet<nint>();
        for (var index = 0; index < 3000; index++)
        {
            Assert.True(taken.Add(pool.Take(index % 2)));
        }

        Assert.Equal(3000, pool.InUse);
        Assert.Equal(3000 * 64, pool.InUseBytes);

        // All go back through one participant, whose cache cannot hold them; the other one finds them again.
        foreach (var address in taken)
        {
            pool.GiveBack(1, address);
        }

        Assert.Equal(0, pool.InUse);
        var again = new HashSet<nint>();
        for (var index = 0; index < 3000; index++)
        {
            Assert.True(again.Add(pool.Take(0)));
        }
    }

    private static AtomicWord EntryAt(NativeBlock entries, int index) => entries.Word((nuint)index * sizeof(ulong));

    private static HashSet<nint> Contents(EntryList list)
    {
        var contents = new HashSet<nint>();
        for (var position = 0; list.TryGet(position, out var entry); position++)
        {
            Assert.True(contents.Add(entry.Address));
        }

        return contents;
    }

    private static long DescriptorsFor(int entries) => entries < 2 ? 0 : (entries + EntryDescriptor.Capacity - 1) / EntryDescriptor.Capacity;

    private static int Gcd(int left, int right) => right == 0 ? left : Gcd(right, left % right);
}
