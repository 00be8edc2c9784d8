using System.Text;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>A program of a few threads and words, which can be run on the facade and by <see cref="AbstractMachine"/>.</summary>
internal sealed class SmallProgram(int words, params Instruction[][] threads)
{
    /// <summary>What a run ends with when a thread uses a word that is in quarantine.</summary>
    internal const string Forbidden = "forbidden";

    /// <summary>What a run ends with when nobody can go on.</summary>
    internal const string Deadlock = "deadlock";

    internal const int Registers = 4;

    internal int Words => words;

    internal IReadOnlyList<Instruction[]> Threads => threads;

    /// <summary>Arranges the program.</summary>
    /// <param name="execution">The execution.</param>
    /// <param name="ended">Gets the final state.</param>
    /// <param name="forgets">Whether threads forget what is not in their registers.</param>
    internal void Arrange(Execution execution, Action<string> ended, bool forgets)
    {
        var memory = execution.Allocate((nuint)words * NativeBlock.LineBytes);
        var registers = threads.Select(static _ => new ulong[Registers]).ToArray();
        for (var thread = 0; thread < threads.Length; thread++)
        {
            var (code, own) = (threads[thread], registers[thread]);
            execution.AddThread($"thread {thread}", () => Run(code, own, memory, forgets));
        }

        execution.AtEnd(() => ended(Describe(registers, word => Atomics.LoadRelaxed(WordAt(memory, word)))));
    }

    internal static string Describe(ulong[][] registers, Func<int, ulong> load) =>
        $"{string.Join(' ', registers.Select(static own => string.Join(',', own)))} | {string.Join(',', Enumerable.Range(0, 3).Select(load))}";

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var thread = 0; thread < threads.Length; thread++)
        {
            text.AppendLine($"thread {thread}:");
            foreach (var instruction in threads[thread])
            {
                text.AppendLine($"  {instruction}");
            }
        }

        return text.ToString();
    }

    // SAFETY: the address is one of the execution's own block, which is mapped as long as the process runs.
    private static unsafe AtomicWord WordAt(nint memory, int word) => new((void*)(memory + (word * NativeBlock.LineBytes)));

    private static void Run(Instruction[] code, ulong[] registers, nint memory, bool forgets)
    {
        var past = Past.Begin();
        for (var next = 0; next < code.Length; next++)
        {
            if (forgets)
            {
                past.Forget(registers.Aggregate((ulong)next, static (kept, register) => (kept << 8) | register));
            }

            var instruction = code[next];
            var word = WordAt(memory, instruction.Word);
            var limit = instruction.Limit == 0 ? Atomics.NoTimeout : instruction.Limit;
            ref var register = ref registers[instruction.Register];
            switch (instruction.Code)
            {
                case Opcode.Load:
                    register = Atomics.LoadAcquire(word);
                    break;
                case Opcode.Store:
                    Atomics.StoreRelease(word, instruction.Value);
                    break;
                case Opcode.CompareExchange:
                    register = Atomics.CompareExchange(word, instruction.Value, instruction.Comparand);
                    break;
                case Opcode.Exchange:
                    register = Atomics.Exchange(word, instruction.Value);
                    break;
                case Opcode.Add:
                    register = Atomics.Add(word, instruction.Value);
                    break;
                case Opcode.Fence:
                    Atomics.FullFence();
                    break;
                case Opcode.ProcessWideFence:
                    Atomics.ProcessWideFence();
                    break;
                case Opcode.AwaitChange:
                    register = Atomics.AwaitChange(word, instruction.Comparand, limit) ? 1UL : 0;
                    break;
                case Opcode.SpinWhile:
                    while (Atomics.LoadAcquire(word) == instruction.Comparand)
                    {
                        Atomics.SpinHint();
                    }

                    break;
                case Opcode.Park:
                    register = Atomics.Park(word.LowHalf, (uint)instruction.Comparand, limit) ? 1UL : 0;
                    break;
                case Opcode.Wake:
                    Atomics.Wake(word.LowHalf, (int)instruction.Value);
                    break;
                case Opcode.Quarantine:
                    Atomics.Quarantine(BytesOf(word), sizeof(ulong));
                    break;
                case Opcode.Readmit:
                    Atomics.Readmit(BytesOf(word), sizeof(ulong));
                    break;
                default:
                    next = register == instruction.Comparand ? (int)instruction.Value - 1 : next;
                    break;
            }
        }
    }

    // SAFETY: as above.
    private static unsafe AtomicBytes BytesOf(AtomicWord word) => new((void*)word.Address);
}
