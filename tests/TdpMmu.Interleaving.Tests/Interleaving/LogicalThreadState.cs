namespace TdpMmu.Interleaving.Tests;

internal enum LogicalThreadState
{
    Ready,
    Parked,
    Watching,
    Spinning,
    Joining,
    Finished,
}
