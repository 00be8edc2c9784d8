using FsCheck;
using FsCheck.Fluent;
using TdpMmu.Concurrency;

namespace TdpMmu.Engine.Tests.Slots;

/// <summary>Random sequences of operations against an array of states.</summary>
public sealed class PageStatesProperties
{
    private const ulong PagesBefore = 5;
    private const ulong Pages = PagesBefore + PageGeometry.PagesPer2MiB + 3;

    // Pages of three 2 MiB blocks, of which only the middle one lies wholly in the memory, and neighbours in one word.
    private static readonly ulong[] s_pages =
        [0, 1, PagesBefore - 1, PagesBefore, PagesBefore + 1, PagesBefore + 2, PagesBefore + 511, PagesBefore + 512, Pages - 1];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StatesFollowTheModel(bool present)
    {
        var before = NativeBlock.LiveBytes;
        Prop.ForAll(ArbMap.Default.ArbFor<Tuple<byte, byte>[]>(), commands => Run(commands, present))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(60));
        Assert.Equal(before, NativeBlock.LiveBytes);
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(8UL)]
    [InlineData(9UL)]
    [InlineData(Pages)]
    public void PresentMemoryHasEveryPageAndNoMore(ulong pages)
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), pages, present: true);
        for (var page = 0UL; page < pages; page++)
        {
            Assert.True(states.IsPresent(page));
        }

        Assert.Equal(pages >= PageGeometry.PagesPer2MiB, states.IsBlockPresent(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Get(pages));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Discard(pages, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.PoisonMissing(1, ulong.MaxValue));
    }

    [Fact]
    public void StatesTakeLessThanAByteAPage()
    {
        using var states = new PageStates(new Hva(PageGeometry.Size1GiB), 1 << 18, present: false);
        Assert.InRange(states.Bytes, (1 << 18) / 2, (1 << 18) * 6 / 10);
    }

    [Fact]
    public void HugeBlockIsPresentWithItsLastPage()
    {
        using var states = new PageStates(new Hva(PageGeometry.Size1GiB), 1 << 18, present: true);
        Assert.True(states.IsHugeBlockPresent(77));
        states.Discard(1000, 30);
        Assert.False(states.IsHugeBlockPresent(77));
        Assert.True(states.IsBlockPresent(77));
        Assert.False(states.IsBlockPresent(1000));
        for (var page = 1000UL; page < 1030; page++)
        {
            Assert.False(states.IsHugeBlockPresent(0));
            Assert.True(states.TryClaim(page));
            Assert.True(states.TryPublish(page));
        }

        Assert.True(states.IsHugeBlockPresent(0));
        Assert.True(states.IsBlockPresent(1000));
    }

    private static bool Run(Tuple<byte, byte>[] commands, bool present)
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB - (PagesBefore * PageGeometry.PageSize)), Pages, present);
        var model = new PageState[Pages];
        Array.Fill(model, present ? PageState.Present : PageState.Missing);
        foreach (var (operation, index) in commands)
        {
            if (!Perform(states, model, operation % 9, s_pages[index % s_pages.Length]))
            {
                return false;
            }
        }

        // Every page at the end, and whether the one whole block is: the count has followed the states.
        var middle = model.AsSpan((int)PagesBefore, (int)PageGeometry.PagesPer2MiB);
        return Enumerable.Range(0, (int)Pages).All(page => states.Get((ulong)page) == model[page])
            && states.IsBlockPresent(PagesBefore + 7) == !middle.ContainsAnyExcept(PageState.Present)
            && !states.IsBlockPresent(0) && !states.IsBlockPresent(Pages - 1) && !states.IsHugeBlockPresent(0);
    }

    // Performs one operation on both and says whether its result is the model's.
    private static bool Perform(PageStates states, PageState[] model, int operation, ulong page)
    {
        ref var state = ref model[page];
        var isUnclaimed = state is PageState.Missing or PageState.Requested;
        var isClaimed = state is PageState.InFlight or PageState.Cancelled;
        switch (operation)
        {
            case 0:
                state = state == PageState.Missing ? PageState.Requested : state;
                return states.Request(page) == state;
            case 1:
                state = isUnclaimed ? PageState.InFlight : state;
                return states.TryClaim(page) == isUnclaimed;
            case 2:
                var published = state == PageState.InFlight;
                state = published ? PageState.Present : state;
                return states.TryPublish(page) == published;
            case 3:
                state = isClaimed ? PageState.Missing : state;
                states.Abandon(page);
                return true;
            case 4:
                var poisoned = isUnclaimed || isClaimed;
                state = poisoned ? PageState.Poisoned : state;
                return states.Poison(page) == poisoned;
            case 5:
                var count = Math.Min(3, Pages - page);
                states.Discard(page, count);
                DiscardModel(model.AsSpan((int)page, (int)count));
                return true;
            case 6:
                state = isUnclaimed ? PageState.Poisoned : state;
                states.PoisonMissing(page, 1);
                return true;
            case 7:
                return states.WaitWhileInFlight(page, 0) == !isClaimed;
            default:
                states.WakeAll(page, Pages - page);
                return states.IsPresent(page) == (state == PageState.Present);
        }
    }

    private static void DiscardModel(Span<PageState> pages)
    {
        foreach (ref var page in pages)
        {
            page = page switch
            {
                PageState.Present or PageState.Poisoned => PageState.Missing,
                PageState.InFlight => PageState.Cancelled,
                _ => page,
            };
        }
    }
}
