using TdpMmu.Concurrency;
using TdpMmu.Machine;

namespace TdpMmu;

/// <content>Running vCPUs.</content>
public sealed partial class VirtualMachine
{
    private const uint Go = 1;
    private const uint Abort = 2;

    [ThreadStatic]
    private static Running? t_running;

    // Programs nest: the handler of an emulated access may run a vCPU of another machine.
    private bool IsRunningHere
    {
        get
        {
            for (var running = t_running; running is not null; running = running.Outer)
            {
                if (running.Machine == this)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private ParkingLock RunGate => new(_lifecycleLine.Int(0));

    /// <summary>Runs a program on every vCPU, each on a thread of its own, and returns when all have ended.</summary>
    /// <param name="program">The guest's code; it is told which vCPU it runs on.</param>
    /// <param name="cancellationToken">Stops the vCPUs at their next access.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled or the machine was disposed.</exception>
    /// <exception cref="InvalidOperationException">Called from a program of this machine, which it would wait for.</exception>
    /// <exception cref="AggregateException">Programs failed; the first failure stops the other vCPUs.</exception>
    public void Run(GuestProgram program, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(program);
        using var admitted = Admit();
        if (IsRunningHere)
        {
            throw new InvalidOperationException("A program that runs on a machine cannot run programs on all its vCPUs.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        RunGate.Enter();
        try
        {
            if (_admission.IsClosed)
            {
                throw new OperationCanceledException("The virtual machine was stopped.");
            }

            List<Exception> failures;
            using (cancellationToken.Register(static state => ((MachineCore)state!).StopRun(), _core))
            {
                failures = RunThreads(program);
            }

            RenewStopping();

            // After the registration's end, which waits for a cancellation that comes right now: it must not stop the next run.
            _core.Clear(MachineConditions.Stopping);
            if (_admission.IsClosed)
            {
                _core.Raise(MachineConditions.Stopping);
            }

            // What a stop did to the others is not a failure of theirs.
            var closed = _admission.IsClosed;
            var stopped = closed || cancellationToken.IsCancellationRequested || failures.Exists(static failure => failure is not OperationCanceledException);
            failures.RemoveAll(failure => failure is VcpuStoppedException
                || (failure is OperationCanceledException && stopped)
                || (failure is ObjectDisposedException && closed));
            if (failures.Count != 0)
            {
                throw new AggregateException("Guest programs failed.", failures);
            }
        }
        finally
        {
            RunGate.Exit();
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (_admission.IsClosed)
        {
            throw new OperationCanceledException("The virtual machine was stopped.");
        }
    }

    // A run that was stopped has cancelled what blocked; whatever comes next starts afresh, unless the machine is closed.
    private void RenewStopping()
    {
        _core.RenewStopping();

        // Who closes the machine cancels what it finds: the new token is there before this look, or the look sees the machine closed.
        Atomics.FullFence();
        if (_admission.IsClosed)
        {
            _core.CancelBlocking();
        }
    }

    /// <summary>Notes that the calling thread runs a program on this machine.</summary>
    /// <returns>What <see cref="LeaveVcpuThread"/> wants back.</returns>
    internal object? EnterVcpuThread()
    {
        var outer = t_running;
        t_running = new Running(this, outer);
        return outer;
    }

    /// <summary>Ends what <see cref="EnterVcpuThread"/> began.</summary>
    internal static void LeaveVcpuThread(object? outer) => t_running = (Running?)outer;

    private List<Exception> RunThreads(GuestProgram program)
    {
        var failures = new List<Exception>();
        var failureGate = new ParkingLock(_lifecycleLine.Int(8));
        var start = _lifecycleLine.Int(16);
        Atomics.StoreRelease(start, 0);
        var threads = new List<ControlledThread>(_vcpus.Length);
        try
        {
            foreach (var vcpu in _vcpus)
            {
                threads.Add(StartVcpu(vcpu, program, start, failures, failureGate));
            }
        }
        catch
        {
            // Not all could be started: those that were end without having run.
            Release(start, threads, Abort);
            throw;
        }

        Release(start, threads, Go);
        return failures;
    }

    private static void Release(AtomicInt start, List<ControlledThread> threads, uint order)
    {
        Atomics.StoreRelease(start, order);
        Atomics.Wake(start, int.MaxValue);
        threads.ForEach(static thread => thread.Join());
    }

    private ControlledThread StartVcpu(Vcpu vcpu, GuestProgram program, AtomicInt start, List<Exception> failures, ParkingLock failureGate) =>
        Atomics.StartThread($"vCPU {vcpu.Index}", () =>
            {
                try
                {
                    Options.VcpuThreadStarted?.Invoke(vcpu.Index);

                    // All start parked: a thread that runs while others are being created slows their creation down.
                    while (Atomics.LoadAcquire(start) == 0)
                    {
                        Atomics.Park(start, 0);
                    }

                    if (Atomics.LoadAcquire(start) == Go)
                    {
                        vcpu.Run(program);
                    }
                }
#pragma warning disable CA1031 // Whatever ends a program stops the others and reaches the caller of Run.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    failureGate.Enter();
                    failures.Add(exception);
                    failureGate.Exit();
                    _core.StopRun();
                }
            });

    private sealed record Running(VirtualMachine Machine, Running? Outer);
}
