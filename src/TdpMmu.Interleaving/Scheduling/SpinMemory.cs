namespace TdpMmu.Interleaving;

/// <summary>What a thread remembers for the time when it spins.</summary>
/// <param name="Reads">What it has read since it last spun.</param>
/// <param name="HasReadClock">Whether it looked at the clock since.</param>
/// <param name="SpinPatience">How long a spin lasts if nothing happens, in nanoseconds.</param>
internal sealed record SpinMemory((nint Address, int Size, ulong Value)[] Reads, bool HasReadClock, long SpinPatience);
