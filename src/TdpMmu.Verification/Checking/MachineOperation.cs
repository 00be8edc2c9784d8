namespace TdpMmu.Verification;

/// <summary>
/// One operation of the engine, as a thread of a scenario performs it. Deriving a class is all that it takes to have an operation explored
/// against every other.
/// </summary>
internal abstract class MachineOperation
{
    /// <summary>The name in scenarios: lower case, words joined by hyphens.</summary>
    internal abstract string Name { get; }

    /// <summary>What it does, for the list of scenarios.</summary>
    internal abstract string Summary { get; }

    /// <summary>The machines on which it does what its name says.</summary>
    internal abstract IReadOnlyList<StartState> Starts { get; }

    /// <summary>Whether it runs on a vCPU; otherwise on a host thread.</summary>
    internal virtual bool IsGuest => false;

    /// <summary>Says what it may do to pages. Called before anything runs.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="thread">The number of the thread that is going to perform it.</param>
    internal virtual void Declare(CheckedMachine machine, int thread)
    {
    }

    /// <summary>Performs it on the calling thread.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="thread">The thread's number.</param>
    /// <param name="vcpu">For guests the vCPU's number; otherwise -1.</param>
    internal abstract void Run(CheckedMachine machine, int thread, int vcpu);
}
