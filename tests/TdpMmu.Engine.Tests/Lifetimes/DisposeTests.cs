using System.Collections.Concurrent;
using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>Machines that are disposed while others use them.</summary>
public sealed class DisposeTests : EngineTest
{
    private const ulong Base = 0x40000;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Operations_that_are_under_way_end_and_the_next_are_refused(string configuration) => Within(60, () =>
    {
        for (var round = 0; round < 4; round++)
        {
            var machine = MachineFactory.Create(configuration, vcpus: 2);
            var memory = NativeHostMemory.Create(64, PageFilling.HostFilled);
            var other = NativeHostMemory.Create(1);
            var slot = machine.AddSlot(s_base, memory);
            machine.StartDirtyLog(slot);
            var bitmap = new ulong[slot.DirtyLogWords];
            var range = new GfnRange(new Gfn(Base + 8), 16);
            var calls = 0;
            Action[] operations =
            [
                () => machine.Read<long>(s_base.Plus((8 * 4096) - 4)),
                () => machine.Write(s_base.Plus(16 * 4096), 1),
                () => machine.Zap(range),
                () => machine.GetStatistics(),
                () => machine.BeginInvalidation(range).Dispose(),
                () => machine.Discard(s_base.Plus(4 * 4096), 8 * 4096),
                () => machine.GetDirtyLog(slot, bitmap),
                () => machine.DeleteSlot(machine.AddSlot(default, other)),
                () => machine.Vcpus[0].Run(static vcpu => vcpu.Store(s_base, 1)),
            ];
            var ends = new ConcurrentBag<Exception>();
            var threads = operations.Select(operation => Start(() =>
            {
                while (true)
                {
                    if (Record.Exception(operation) is { } end and not VcpuStoppedException)
                    {
                        ends.Add(end);
                        return;
                    }

                    Interlocked.Increment(ref calls);
                }
            })).ToList();
            SpinWait.SpinUntil(() => Volatile.Read(ref calls) > 500 || !ends.IsEmpty);
            machine.Dispose();
            threads.ForEach(static thread => thread.Join());
            Assert.Equal(operations.Length, ends.Count);
            Assert.All(ends, static end => Assert.IsType<ObjectDisposedException>(end));

            // The slots went with the machine, so that the memory is nobody's.
            memory.Dispose();
            other.Dispose();
        }
    });

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Two_threads_may_dispose_at_once(string configuration)
    {
        var memory = Own(NativeHostMemory.Create(4));
        Within(60, () =>
        {
            for (var round = 0; round < 15; round++)
            {
                var machine = MachineFactory.Create(configuration, vcpus: 2, permits: 1);
                machine.AddSlot(s_base, memory);
                using var started = new CountdownEvent(1);
                using var go = new Barrier(2);
                var end = default(Exception);
                var runner = Start(() => end = Record.Exception(() => machine.Run(
                    vcpu =>
                    {
                        if (vcpu.Index == 0)
                        {
                            started.Signal();
                        }

                        while (true)
                        {
                            vcpu.Store(s_base, 1);
                        }
                    },
                    Token)));
                started.Wait();
                var disposer = Start(() =>
                {
                    go.SignalAndWait();
                    machine.Dispose();
                });
                go.SignalAndWait();
                machine.Dispose();
                disposer.Join();
                runner.Join();
                Assert.IsAssignableFrom<OperationCanceledException>(end);
                Assert.Throws<ObjectDisposedException>(() => machine.Zap(default));
            }
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_owner_of_an_open_scope_may_dispose_while_others_wait_for_it(string configuration)
    {
        var memory = Own(NativeHostMemory.Create(4));
        var machine = MachineFactory.Create(configuration, vcpus: 2);
        machine.AddSlot(s_base, memory);
        Within(30, () =>
        {
            var scope = machine.BeginInvalidation(new GfnRange(new Gfn(Base), 1));
            var running = 0;
            var ofRun = default(Exception);
            var ofRead = default(Exception);
            var runner = Start(() => ofRun = Record.Exception(() => machine.Run(
                vcpu =>
                {
                    Interlocked.Increment(ref running);
                    _ = vcpu.Load<int>(s_base);
                },
                Token)));
            var reader = Start(() =>
            {
                Interlocked.Increment(ref running);
                ofRead = Record.Exception(() => machine.Read<int>(s_base));
            });
            SpinWait.SpinUntil(() => Volatile.Read(ref running) == 3);

            // They do wait, and not for long: for the scope.
            Assert.False(runner.Join(20));
            Assert.False(reader.Join(0));
            machine.Dispose();
            runner.Join();
            reader.Join();
            Assert.IsAssignableFrom<OperationCanceledException>(ofRun);
            Assert.IsType<ObjectDisposedException>(ofRead);
            scope.Dispose();
        });
    }

    [Fact]
    public void A_scope_that_is_disposed_twice_ends_no_other()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(4)));
        Within(60, () =>
        {
            using var go = new Barrier(3);
            var scope = default(InvalidationScope);
            const int Rounds = 300;
            var disposers = Enumerable.Range(0, 2).Select(_ => Start(() =>
            {
                for (var round = 0; round < Rounds; round++)
                {
                    go.SignalAndWait();
                    scope!.Dispose();
                    go.SignalAndWait();
                }
            })).ToList();
            for (var round = 0; round < Rounds; round++)
            {
                scope = machine.BeginInvalidation(new GfnRange(new Gfn(Base), 1));
                go.SignalAndWait();
                var next = machine.BeginInvalidation(new GfnRange(new Gfn(Base + 1), 1));
                go.SignalAndWait();

                // Once more, when its place may be the other's.
                scope.Dispose();
                Assert.Equal(1UL, machine.Core.Ranges.ActiveCount);
                Assert.True(machine.Core.Ranges.Covers(new Gfn(Base + 1), out _, out _));
                Assert.False(machine.Core.Ranges.Covers(new Gfn(Base), out _, out _));
                next.Dispose();
                next.Dispose();
                Assert.Equal(0UL, machine.Core.Ranges.ActiveCount);
            }

            disposers.ForEach(static disposer => disposer.Join());
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_token_of_a_run_calls_off_a_source_that_blocks(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2));
        var source = new PatternSource();
        using var entered = new ManualResetEventSlim();
        source.Fetching = (_, token) =>
        {
            entered.Set();
            token.WaitHandle.WaitOne();
            token.ThrowIfCancellationRequested();
        };
        var memory = Own(NativeHostMemory.Create(4, PageFilling.FaultingThread, source));
        machine.AddSlot(s_base, memory);
        Within(30, () =>
        {
            using var cancellation = new CancellationTokenSource();
            var canceller = Start(() =>
            {
                entered.Wait();
                cancellation.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => machine.Run(vcpu => vcpu.Load<int>(s_base), cancellation.Token));
            canceller.Join();

            // Called off, not failed: the page can be asked for again.
            Assert.Equal(PageState.Missing, memory.States.Get(0));
            source.Fetching = null;
            machine.Run(vcpu => Assert.Equal(PatternSource.WordOf(0, 0), vcpu.Load<ulong>(s_base)), Token);
        });
    }

    private static Thread Start(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        return thread;
    }
}
