using TdpMmu.Concurrency;
using TdpMmu.Machine;

namespace TdpMmu;

/// <content>Running vCPUs.</content>
public sealed partial class VirtualMachine
{
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
        ThrowIfUnusable();
        if (t_runningOn == this)
        {
            throw new InvalidOperationException("A program that runs on a machine cannot run programs on all its vCPUs.");
        }

        cancellationToken.ThrowIfCancellationRequested();
        RunGate.Enter();
        try
        {
            ThrowIfUnusable();
            List<Exception> failures;
            using (cancellationToken.Register(static state => ((MachineCore)state!).Raise(MachineConditions.Stopping), _core))
            {
                failures = RunThreads(program);
            }

            // After the registration's end, which waits for a cancellation that comes right now: it must not stop the next run.
            _core.Clear(MachineConditions.Stopping);
            if (_stopRequested)
            {
                _core.Raise(MachineConditions.Stopping);
            }

            failures.RemoveAll(failure => failure is VcpuStoppedException || (failure is OperationCanceledException && _stopRequested));
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
        if (_stopRequested)
        {
            throw new OperationCanceledException("The virtual machine was stopped.");
        }
    }

    internal static void LeaveVcpuThread(VirtualMachine? previous) => t_runningOn = previous;

    internal VirtualMachine? EnterVcpuThread()
    {
        var previous = t_runningOn;
        t_runningOn = this;
        return previous;
    }

    private bool _stopRequested;

    private List<Exception> RunThreads(GuestProgram program)
    {
        var failures = new List<Exception>();
        var failureGate = new ParkingLock(_lifecycleLine.Int(8));
        var start = _lifecycleLine.Int(16);
        Atomics.StoreRelease(start, 0);
        var threads = new ControlledThread[_vcpus.Length];
        for (var index = 0; index < threads.Length; index++)
        {
            var vcpu = _vcpus[index];
            threads[index] = Atomics.StartThread($"vCPU {index}", () =>
            {
                try
                {
                    Options.VcpuThreadStarted?.Invoke(vcpu.Index);

                    // All start parked: a thread that runs while others are being created slows their creation down.
                    while (Atomics.LoadAcquire(start) == 0)
                    {
                        Atomics.Park(start, 0);
                    }

                    vcpu.Run(program);
                }
#pragma warning disable CA1031 // Whatever ends a program stops the others and reaches the caller of Run.
                catch (Exception exception)
#pragma warning restore CA1031
                {
                    failureGate.Enter();
                    failures.Add(exception);
                    failureGate.Exit();
                    _core.Raise(MachineConditions.Stopping);
                }
            });
        }

        Atomics.StoreRelease(start, 1);
        Atomics.Wake(start, int.MaxValue);
        foreach (var thread in threads)
        {
            thread.Join();
        }

        return failures;
    }

    private void Stop()
    {
        _stopRequested = true;
        _core.CancelBlocking();
        _core.Raise(MachineConditions.Stopping);

        // Whoever runs the vCPUs holds the gate until they have ended.
        RunGate.Enter();
        RunGate.Exit();
        for (var index = 0; index < _vcpus.Length; index++)
        {
            // A vCPU that runs on a thread of the caller's own ends its program first.
            while (!_core.Participants.TryOccupyVcpu(index))
            {
                _ = Atomics.Park(_lifecycleLine.Int(24), 0, 100_000);
            }
        }
    }
}
