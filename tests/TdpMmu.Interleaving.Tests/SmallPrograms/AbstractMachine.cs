namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>
/// All final states of a program, by a search of the states of a machine that shares no code with the scheduler: Sewell et al.'s x86-TSO
/// with the waits of the facade, or the same without buffers.
/// </summary>
internal sealed class AbstractMachine(SmallProgram program, bool buffered)
{
    private readonly Dictionary<string, int> _ends = [];
    private readonly Dictionary<string, int> _seen = [];
    private readonly LinkedList<(MachineState State, int Preemptions)> _open = [];

    /// <summary>The final states, each with the fewest preemptions that lead to it.</summary>
    internal static IReadOnlyDictionary<string, int> EndsOf(SmallProgram program, bool buffered)
    {
        var machine = new AbstractMachine(program, buffered);
        machine.Search();
        return machine._ends;
    }

    private void Search()
    {
        Reach(MachineState.Initial(program), 0);
        while (_open.First is { } first)
        {
            _open.RemoveFirst();
            var (state, preemptions) = first.Value;
            if (_seen[state.Key()] == preemptions)
            {
                Expand(state, preemptions);
            }
        }
    }

    private void Reach(MachineState state, int preemptions)
    {
        var key = state.Key();
        if (!_seen.TryGetValue(key, out var known) || preemptions < known)
        {
            _seen[key] = preemptions;
            if (_open.First is { } first && preemptions <= first.Value.Preemptions)
            {
                _open.AddFirst((state, preemptions));
            }
            else
            {
                _open.AddLast((state, preemptions));
            }
        }
    }

    private void End(string end, int preemptions)
    {
        if (!_ends.TryGetValue(end, out var known) || preemptions < known)
        {
            _ends[end] = preemptions;
        }
    }

    private void Expand(MachineState state, int preemptions)
    {
        var moved = false;
        for (var thread = 0; thread < program.Threads.Count; thread++)
        {
            if (state.Threads[thread].Buffer.Count != 0)
            {
                moved = true;
                Flush(state.Copy(), thread, preemptions);
            }

            if (CanGoOn(state, thread))
            {
                moved = true;
                var isPreemption = state.Current >= 0 && state.Current != thread && CouldGoOn(state, state.Current);
                Step(state.Copy(), thread, preemptions + (isPreemption ? 1 : 0));
            }
        }

        if (!moved)
        {
            Rest(state.Copy(), preemptions);
        }
    }

    private void Flush(MachineState state, int thread, int preemptions)
    {
        var (word, value) = state.Threads[thread].Buffer[0];
        if (state.Quarantined[word] != 0 && state.Quarantined[word] != thread + 1)
        {
            End(SmallProgram.Forbidden, preemptions);
            return;
        }

        state.Threads[thread].Buffer.RemoveAt(0);
        foreach (var fencing in state.Threads.Where(fencing => fencing.Awaited.Length != 0))
        {
            fencing.Awaited[thread] = Math.Max(0, fencing.Awaited[thread] - 1);
        }

        state.Memory[word] = value;
        Reach(state, preemptions);
    }

    // Nobody can take a step: the program is over, or the earliest limit runs out, or everybody waits for ever.
    private void Rest(MachineState state, int preemptions)
    {
        var running = Enumerable.Range(0, program.Threads.Count).Where(thread => !IsOver(state, thread)).ToList();
        if (running.Count == 0)
        {
            End(SmallProgram.Describe([.. state.Threads.Select(static thread => thread.Registers)], word => state.Memory[word]), preemptions);
            return;
        }

        var earliest = running.Select(thread => state.Threads[thread]).MinBy(static thread => thread.Deadline)!;
        if (earliest.Deadline == long.MaxValue)
        {
            End(SmallProgram.Deadlock, preemptions);
            return;
        }

        state.AdvanceTo(earliest.Deadline);
        earliest.IsTimedOut = true;
        Reach(state, preemptions);
    }

    private bool IsOver(MachineState state, int thread) => state.Threads[thread].Next >= program.Threads[thread].Length;

    private bool CanGoOn(MachineState state, int thread)
    {
        if (!CouldGoOn(state, thread))
        {
            return false;
        }

        var self = state.Threads[thread];
        return !buffered || (self.Waits ? self.Awaited.All(static stores => stores == 0) : self.Buffer.Count == 0 || !program.Threads[thread][self.Next].WaitsForBuffer);
    }

    // Buffers drain by themselves: to wait for one is not to be blocked.
    private bool CouldGoOn(MachineState state, int thread)
    {
        if (IsOver(state, thread))
        {
            return false;
        }

        var self = state.Threads[thread];
        var instruction = program.Threads[thread][self.Next];
        return instruction.Code switch
        {
            _ when !self.Waits || instruction.Code == Opcode.ProcessWideFence => true,
            Opcode.Park => self.IsWoken || self.IsTimedOut || (self.Deadline != long.MaxValue && self.See(instruction.Word, state.Memory) != instruction.Comparand),
            _ => self.IsTimedOut || self.See(instruction.Word, state.Memory) != instruction.Comparand,
        };
    }

    private void Step(MachineState state, int thread, int preemptions)
    {
        var self = state.Threads[thread];
        var instruction = program.Threads[thread][self.Next];
        state.Current = thread;
        if (state.Quarantined[instruction.Word] != 0 && Touches(instruction.Code))
        {
            End(SmallProgram.Forbidden, preemptions);
            return;
        }

        if (Perform(state, self, thread, instruction))
        {
            self.Next++;
            self.Waits = self.IsTimedOut = self.IsWoken = false;
            self.Deadline = long.MaxValue;
            self.ParkNumber = 0;
        }

        Reach(state, preemptions);
    }

    private static bool Touches(Opcode code) =>
        code is not (Opcode.Fence or Opcode.ProcessWideFence or Opcode.Wake or Opcode.Quarantine or Opcode.Readmit or Opcode.JumpIf);

    // Whether the instruction is over.
    private bool Perform(MachineState state, MachineThread self, int thread, Instruction instruction)
    {
        var word = instruction.Word;
        ref var register = ref self.Registers[instruction.Register];
        var before = state.Memory[word];
        switch (instruction.Code)
        {
            case Opcode.Load:
                register = self.See(word, state.Memory);
                return true;
            case Opcode.Store when buffered:
                self.Buffer.Add((word, instruction.Value));
                return true;
            case Opcode.Store:
                state.Memory[word] = instruction.Value;
                return true;
            case Opcode.CompareExchange:
                register = before;
                state.Memory[word] = before == instruction.Comparand ? instruction.Value : before;
                return true;
            case Opcode.Exchange:
                register = before;
                state.Memory[word] = instruction.Value;
                return true;
            case Opcode.Add:
                register = state.Memory[word] = before + instruction.Value;
                return true;
            case Opcode.ProcessWideFence when buffered && !self.Waits:
                // Each thread fences at some moment from now on. One that does so at once has nothing in its buffer.
                self.Waits = true;
                self.Awaited = [.. state.Threads.Select(static other => other.Buffer.Count)];
                return false;
            case Opcode.ProcessWideFence:
                self.Awaited = [];
                return true;
            case Opcode.AwaitChange when self.Waits:
                register = self.IsTimedOut ? 0UL : 1;
                return true;
            case Opcode.SpinWhile when self.Waits:
                self.Waits = false;
                return false;
            case Opcode.SpinWhile:
                self.Waits = self.See(word, state.Memory) == instruction.Comparand;
                return !self.Waits;
            case Opcode.Park when self.Waits:
                register = self.IsTimedOut ? 0UL : 1;
                return true;
            case Opcode.Park when before != instruction.Comparand:
                register = 1;
                return true;
            case Opcode.Park:
                self.ParkNumber = state.NextParkNumber();
                BeginWait(state, self, instruction);
                return false;
            case Opcode.AwaitChange:
                BeginWait(state, self, instruction);
                return false;
            case Opcode.Wake:
                WakeThreads(state, word, (int)instruction.Value);
                return true;
            case Opcode.Quarantine:
                state.Quarantined[word] = thread + 1;
                return true;
            case Opcode.Readmit:
                state.Quarantined[word] = 0;
                return true;
            case Opcode.JumpIf when register == instruction.Comparand:
                self.Next = (int)instruction.Value - 1;
                return true;
            default:
                return true;
        }
    }

    private static void BeginWait(MachineState state, MachineThread self, Instruction instruction)
    {
        self.Waits = true;
        self.Deadline = instruction.Limit == 0 ? long.MaxValue : state.Clock + instruction.Limit;
    }

    private void WakeThreads(MachineState state, int word, int count)
    {
        foreach (var parked in state.Threads
            .Where((thread, id) => thread is { ParkNumber: not 0, IsWoken: false, IsTimedOut: false } && program.Threads[id][thread.Next].Word == word)
            .OrderBy(static thread => thread.ParkNumber)
            .Take(count))
        {
            parked.IsWoken = true;
        }
    }
}
