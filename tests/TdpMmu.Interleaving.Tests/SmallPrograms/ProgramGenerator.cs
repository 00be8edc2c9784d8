namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>Small programs at random, the same for a seed everywhere.</summary>
internal sealed class ProgramGenerator(ulong seed)
{
    private const int Words = 3;
    private const int LockWord = 2;
    private const int LockRegister = 3;
    private const int ParkRegister = 2;

    private static readonly Opcode[] s_plain = [Opcode.Load, Opcode.Load, Opcode.Store, Opcode.Store, Opcode.CompareExchange, Opcode.Exchange, Opcode.Add, Opcode.Fence];
    private static readonly Opcode[] s_fences = [Opcode.Load, Opcode.Load, Opcode.Store, Opcode.Store, Opcode.Store, Opcode.ProcessWideFence, Opcode.CompareExchange];
    private static readonly Opcode[] s_waits = [Opcode.Load, Opcode.Store, Opcode.Store, Opcode.Exchange, Opcode.AwaitChange, Opcode.Park, Opcode.Wake, Opcode.SpinWhile];
    private static readonly Opcode[] s_awaits = [Opcode.Load, Opcode.Load, Opcode.Store, Opcode.Store, Opcode.Exchange, Opcode.Add, Opcode.AwaitChange, Opcode.AwaitChange];
    private static readonly Opcode[] s_quarantine = [Opcode.Load, Opcode.Store, Opcode.Add, Opcode.Quarantine, Opcode.Readmit, Opcode.AwaitChange];

    private readonly SeededRandom _random = new(seed);
    private int _limit = 100;

    /// <summary>Kinds of programs.</summary>
    internal enum Flavour
    {
        Plain,
        Fences,
        Waits,
        Awaits,
        Locks,
        Quarantine,
        Everything,
    }

    /// <summary>Makes a program.</summary>
    /// <param name="flavour">What kind of instructions it has.</param>
    /// <param name="threads">How many threads.</param>
    /// <param name="length">The most instructions, or critical sections, of a thread.</param>
    internal SmallProgram Next(Flavour flavour, int threads, int length)
    {
        var codes = new Instruction[threads][];
        for (var thread = 0; thread < threads; thread++)
        {
            var code = new List<Instruction>();
            var count = Math.Max(1, length - _random.Below(2));
            while (count > 0)
            {
                count--;
                if (flavour == Flavour.Locks && _random.Below(3) != 0)
                {
                    AddCriticalSection(code);
                    count--;
                }
                else
                {
                    code.Add(Any(flavour, flavour == Flavour.Locks ? LockWord : Words));
                }
            }

            if (flavour == Flavour.Awaits && thread == threads - 1)
            {
                // One thread waits for nobody and ends most waits: a program that can come to a deadlock shows little else.
                code.RemoveAll(static instruction => instruction.Code == Opcode.AwaitChange);
                code.AddRange(Enumerable.Range(0, Words).Select(static word => new Instruction(Opcode.Store, word, Value: 3)));
            }

            codes[thread] = [.. code];
        }

        return new SmallProgram(Words, codes);
    }

    private Instruction Any(Flavour flavour, int words)
    {
        var codes = flavour switch
        {
            Flavour.Plain or Flavour.Locks => s_plain,
            Flavour.Fences => s_fences,
            Flavour.Waits => s_waits,
            Flavour.Awaits => s_awaits,
            Flavour.Quarantine => s_quarantine,
            _ => _random.Below(4) switch { 0 => s_plain, 1 => s_fences, 2 => s_waits, _ => s_quarantine },
        };
        var code = codes[_random.Below(codes.Length)];
        var value = (ulong)(1 + _random.Below(2));
        return new Instruction(
            code,
            _random.Below(words),
            _random.Below(2),
            value,
            code == Opcode.SpinWhile ? (ulong)_random.Below(2) * 3 : (ulong)_random.Below(3) % 2,
            flavour != Flavour.Awaits && (code is Opcode.AwaitChange or Opcode.Park) && _random.Below(5) != 0 ? _limit += 10 : 0);
    }

    // Drepper's second mutex, around one instruction.
    private void AddCriticalSection(List<Instruction> code)
    {
        var start = code.Count;
        code.Add(new Instruction(Opcode.CompareExchange, LockWord, LockRegister, Value: 1, Comparand: 0));
        code.Add(new Instruction(Opcode.JumpIf, Register: LockRegister, Value: (ulong)start + 6, Comparand: 0));
        code.Add(new Instruction(Opcode.Exchange, LockWord, LockRegister, Value: 2));
        code.Add(new Instruction(Opcode.JumpIf, Register: LockRegister, Value: (ulong)start + 6, Comparand: 0));
        code.Add(new Instruction(Opcode.Park, LockWord, ParkRegister, Comparand: 2));
        code.Add(new Instruction(Opcode.JumpIf, Register: ParkRegister, Value: (ulong)start + 2, Comparand: 1));
        code.Add(Any(Flavour.Plain, LockWord));
        code.Add(new Instruction(Opcode.Exchange, LockWord, LockRegister, Value: 0));
        code.Add(new Instruction(Opcode.JumpIf, Register: LockRegister, Value: (ulong)start + 10, Comparand: 1));
        code.Add(new Instruction(Opcode.Wake, LockWord, Value: 1));
    }
}
