namespace TdpMmu.Verification;

/// <summary>An operation that guest code causes.</summary>
internal abstract class GuestOperation : MachineOperation
{
    internal sealed override bool IsGuest => true;

    /// <summary>The value that a thread writes.</summary>
    protected static ulong ValueOf(int thread) => 0xa0 + (ulong)thread;

    internal sealed override void Run(CheckedMachine machine, int thread, int vcpu) =>
        machine.Run(vcpu, running =>
        {
            try
            {
                Run(machine, thread, running);
            }
            catch (GuestMemoryException) when (machine.ExpectsLoss)
            {
                // Another operation has taken the memory.
            }
        });

    /// <summary>The guest's code.</summary>
    protected abstract void Run(CheckedMachine machine, int thread, Vcpu vcpu);

    /// <summary>Writes the thread's value to a frame and reads it back.</summary>
    protected static void StoreAndLoad(CheckedMachine machine, int thread, Vcpu vcpu, ulong frame) =>
        machine.StoreAndLoad(vcpu, frame, ValueOf(thread));
}
