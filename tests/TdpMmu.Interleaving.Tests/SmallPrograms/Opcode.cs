namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>What an <see cref="Instruction"/> does.</summary>
internal enum Opcode
{
    /// <summary>register = [word].</summary>
    Load,

    /// <summary>[word] = value, into the buffer where there is one.</summary>
    Store,

    /// <summary>register = [word]; if that is the comparand, [word] = value.</summary>
    CompareExchange,

    /// <summary>register = [word]; [word] = value.</summary>
    Exchange,

    /// <summary>[word] += value; register = the sum.</summary>
    Add,

    /// <summary>A full fence.</summary>
    Fence,

    /// <summary>A fence of all threads.</summary>
    ProcessWideFence,

    /// <summary>Waits until [word] is not the comparand; register = 0 if the limit, if there is one, ran out first.</summary>
    AwaitChange,

    /// <summary>Waits in a loop of loads and spin hints until [word] is not the comparand.</summary>
    SpinWhile,

    /// <summary>Parks if [word] is the comparand; register = 0 if the limit, if there is one, ran out first.</summary>
    Park,

    /// <summary>Wakes as many threads that are parked on [word] as value says.</summary>
    Wake,

    /// <summary>Puts [word] in quarantine.</summary>
    Quarantine,

    /// <summary>Ends the quarantine of [word].</summary>
    Readmit,

    /// <summary>Goes on at the instruction that value names if register is the comparand.</summary>
    JumpIf,
}
