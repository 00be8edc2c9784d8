namespace TdpMmu.Interleaving;

/// <summary>Decides who goes next, execution after execution.</summary>
internal abstract class SearchStrategy
{
    /// <summary>Executions that were given up because an equivalent one had been seen.</summary>
    internal virtual long Pruned => 0;

    /// <summary>States of the program that were met, where they are compared.</summary>
    internal virtual long States => 0;

    /// <summary>How many of the first steps of the execution that begins are those of the one before.</summary>
    internal virtual int Repeated => 0;

    /// <summary>
    /// Whether the strategy asks for <see cref="SchedulingController.HashOfState"/>, or follows the schedule of one that did. Where a step
    /// counts as before a process-wide fence is decided by time then.
    /// </summary>
    internal virtual bool ComparesStates => false;

    /// <summary>Why the search ended without having seen everything, or null.</summary>
    internal virtual string? Bound => null;

    /// <summary>The last execution showed locations that were not known to be shared: searches start over, random choices are repeated.</summary>
    internal abstract void Restart();

    /// <summary>Begins an execution.</summary>
    /// <returns>False when the search is over.</returns>
    internal abstract bool Begin();

    /// <summary>Chooses one of the enabled actors.</summary>
    internal abstract int Choose(in Situation situation, SchedulingController controller);

    /// <summary>All threads of an execution have ended, and its checks are to come.</summary>
    internal virtual void Finish(SchedulingController controller)
    {
    }

    /// <summary>Ends an execution that came to its end without a finding.</summary>
    internal virtual void End(SchedulingController controller)
    {
    }
}
