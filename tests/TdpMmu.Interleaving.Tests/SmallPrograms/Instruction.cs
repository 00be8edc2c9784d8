namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>One instruction of a <see cref="SmallProgram"/>.</summary>
/// <param name="Code">What it does.</param>
/// <param name="Word">The word that it is about.</param>
/// <param name="Register">Where its result goes.</param>
/// <param name="Value">What it stores.</param>
/// <param name="Comparand">What it compares with.</param>
/// <param name="Limit">When a wait gives up, in nanoseconds from its begin; 0 for never.</param>
internal readonly record struct Instruction(Opcode Code, int Word = 0, int Register = 0, ulong Value = 0, ulong Comparand = 0, int Limit = 0)
{
    /// <summary>Whether it waits until the thread's own stores are in memory.</summary>
    internal bool WaitsForBuffer =>
        Code is Opcode.CompareExchange or Opcode.Exchange or Opcode.Add or Opcode.Fence or Opcode.ProcessWideFence or Opcode.Park or Opcode.Wake;

    public override string ToString() => $"{Code} w{Word} r{Register} value {Value} comparand {Comparand} limit {Limit}";
}
