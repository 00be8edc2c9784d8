using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Threads that use one part of the engine side by side.</summary>
/// <param name="Name">Who they are, joined by plus signs.</param>
/// <param name="Arrange">Makes the part and the threads.</param>
internal readonly record struct Mix(string Name, Action<Execution> Arrange);
