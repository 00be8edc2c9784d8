using TdpMmu.Concurrency;

namespace TdpMmu.Engine.Tests.Support;

/// <summary>
/// Owns what a test creates, and ends every test with the same questions: is the machine quiet, are its tables sound, is the pool
/// empty, and is all native memory back.
/// </summary>
public abstract class EngineTest : IDisposable
{
    private readonly long _nativeBytes = NativeBlock.LiveBytes;
    private readonly long _memories = NativeHostMemory.Live;
    private readonly List<VirtualMachine> _machines = [];
    private readonly List<HostMemory> _hostMemories = [];
    private bool _hangs;

    /// <summary>Cancelled when the test run is.</summary>
    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (_hangs)
        {
            // Threads still use what would be released: the failure was reported, and the process ends soon.
            return;
        }

        foreach (var machine in _machines)
        {
            LeakCheck.IsQuiet(machine);
            machine.Dispose();
        }

        foreach (var memory in _hostMemories)
        {
            memory.Dispose();
        }

        Assert.Equal(_nativeBytes, NativeBlock.LiveBytes);
        Assert.Equal(_memories, NativeHostMemory.Live);
    }

    /// <summary>Has a machine checked and disposed at the end of the test.</summary>
    internal VirtualMachine Own(VirtualMachine machine)
    {
        _machines.Add(machine);
        return machine;
    }

    /// <summary>Has host memory disposed at the end of the test, after the machines.</summary>
    internal T Own<T>(T memory)
        where T : HostMemory
    {
        _hostMemories.Add(memory);
        return memory;
    }

    /// <summary>Fails if the action does not end in time, instead of hanging with it. The limit is no measurement.</summary>
    internal void Within(int seconds, Action action)
    {
        var failure = default(Exception);
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        if (!thread.Join(TimeSpan.FromSeconds(seconds)))
        {
            _hangs = true;
            Assert.Fail($"It hangs: no end after {seconds} s.");
        }

        if (failure is not null)
        {
            throw new InvalidOperationException("The action failed: " + failure.Message, failure);
        }
    }

    /// <summary>Runs a program on one vCPU on the calling thread and returns what it computes.</summary>
    internal static T On<T>(VirtualMachine machine, Func<Vcpu, T> program, int vcpu = 0)
    {
        var result = default(T)!;
        machine.Vcpus[vcpu].Run(running => result = program(running));
        return result;
    }

    /// <summary>Runs a program on one vCPU on the calling thread.</summary>
    internal static void On(VirtualMachine machine, Action<Vcpu> program, int vcpu = 0) =>
        machine.Vcpus[vcpu].Run(running => program(running));
}
