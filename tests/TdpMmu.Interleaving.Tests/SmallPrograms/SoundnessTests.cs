namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>The search sees exactly what an abstract machine, which explores states and not schedules, says is possible.</summary>
public sealed class SoundnessTests
{
    private static readonly int s_programs = int.Parse(Environment.GetEnvironmentVariable("SOUNDNESS_PROGRAMS") ?? "16", System.Globalization.CultureInfo.InvariantCulture);
    private static readonly ulong s_firstSeed = ulong.Parse(Environment.GetEnvironmentVariable("SOUNDNESS_SEED") ?? "1", System.Globalization.CultureInfo.InvariantCulture);

    public static TheoryData<string, MemoryModel> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, MemoryModel>();
            foreach (var flavour in Enum.GetNames<ProgramGenerator.Flavour>())
            {
                kinds.Add(flavour, MemoryModel.SequentiallyConsistent);
                kinds.Add(flavour, MemoryModel.TotalStoreOrder);
            }

            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void EveryScheduleReachesWhatTheMachineReaches(string flavour, MemoryModel memory) => ForEach(flavour, 2, 3, s_programs / 4, program =>
    {
        var expected = AbstractMachine.EndsOf(program, memory == MemoryModel.TotalStoreOrder);
        var seen = Exhaustion.Of(program, memory, new EverySchedule());
        if (seen.IsComplete || seen.Failure is not null)
        {
            AssertSame(program, expected, seen);
        }

        return seen.Executions;
    });

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ReducedSearchReachesWhatTheMachineReaches(string flavour, MemoryModel memory)
    {
        ForEach(flavour, 2, 4, s_programs, program => Reduced(program, memory));
        ForEach(flavour, 3, flavour == nameof(ProgramGenerator.Flavour.Locks) ? 2 : 3, s_programs, program => Reduced(program, memory));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void BoundedSearchReachesWhatTheMachineReachesWithAsManyPreemptions(string flavour, MemoryModel memory)
    {
        for (var bound = 0; bound < 3; bound++)
        {
            ForEach(flavour, 2, 4, s_programs / 2, program => Bounded(program, memory, bound));
            ForEach(flavour, 3, flavour == nameof(ProgramGenerator.Flavour.Locks) ? 2 : 3, s_programs / 2, program => Bounded(program, memory, bound));
        }
    }

    /// <summary>
    /// The second store of the last thread is wanted early, its first is asleep until the second thread has looked, and the first thread goes
    /// first unless the second is planned.
    /// </summary>
    [Fact]
    public void BoundedSearchWakesWhoSleepsByWhoMustComeBefore() => Bounded(
        new SmallProgram(
            3,
            [new(Opcode.Exchange, 1, Value: 2), new(Opcode.Load, 2, 1), new(Opcode.Load, 2, 1)],
            [new(Opcode.Load), new(Opcode.CompareExchange, 0, 1, Value: 2)],
            [new(Opcode.Store, Value: 2), new(Opcode.Store, 2, Value: 1)]),
        MemoryModel.TotalStoreOrder,
        bound: 0);

    /// <summary>A thread that is about to park sleeps, and has to wake for a wake-up that comes too early for it.</summary>
    [Fact]
    public void WhoIsAboutToParkWakesForAWakeUpOfNobody() => Reduced(
        new SmallProgram(
            3,
            [new(Opcode.Exchange, 2, Value: 1), new(Opcode.Park, 1, 1, Limit: 110)],
            [new(Opcode.Park, 2, 1, Comparand: 1, Limit: 120), new(Opcode.Load, 1)],
            [new(Opcode.Wake, 2, Value: 1)]),
        MemoryModel.SequentiallyConsistent);

    /// <summary>Whether a thread parks depends on a store; that a wake-up comes before has to count whether or not it would.</summary>
    [Fact]
    public void WakeUpThatComesBeforeAThreadParksIsSeen() => Reduced(
        new SmallProgram(
            3,
            [new(Opcode.Park, 2, 1)],
            [new(Opcode.Store, 2, Value: 1)],
            [new(Opcode.Exchange, 1, Value: 2), new(Opcode.Wake, 2, Value: 2)]),
        MemoryModel.SequentiallyConsistent);

    private static void ForEach(string flavour, int threads, int length, int programs, Func<SmallProgram, long> check)
    {
        var executions = 0L;
        for (var seed = 0UL; seed < (ulong)programs; seed++)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            var program = new ProgramGenerator(s_firstSeed + seed).Next(Enum.Parse<ProgramGenerator.Flavour>(flavour), threads, length);
            executions += check(program);
        }

        TestContext.Current.SendDiagnosticMessage($"{flavour}, {threads} threads: {programs} programs, {executions} executions");
    }

    private static long Reduced(SmallProgram program, MemoryModel memory)
    {
        var expected = AbstractMachine.EndsOf(program, memory == MemoryModel.TotalStoreOrder);
        var seen = Exhaustion.Of(program, memory, new PartialOrderSearch(int.MaxValue));
        AssertSame(program, expected, seen);
        return seen.Executions;
    }

    private static long Bounded(SmallProgram program, MemoryModel memory, int bound)
    {
        var possible = AbstractMachine.EndsOf(program, memory == MemoryModel.TotalStoreOrder);
        var seen = Exhaustion.Of(program, memory, new PartialOrderSearch(bound));
        if (seen.Failure is not null)
        {
            Assert.True(possible.ContainsKey(seen.Failure), $"{seen.Failure} is not possible:\n{program}");
            return seen.Executions;
        }

        Assert.True(seen.IsComplete, $"The search does not end:\n{program}");
        Assert.All(seen.Ends, end => Assert.True(possible.ContainsKey(end.Key), $"{end} is not possible:\n{program}"));
        Assert.All(
            possible.Where(end => end.Value <= bound),
            end => Assert.True(seen.Ends.TryGetValue(end.Key, out var preemptions) && preemptions <= end.Value, $"{end} was not seen with a bound of {bound}:\n{program}"));
        return seen.Executions;
    }

    private static void AssertSame(SmallProgram program, IReadOnlyDictionary<string, int> expected, Exhaustion seen)
    {
        if (seen.Failure is not null)
        {
            Assert.True(expected.ContainsKey(seen.Failure), $"{seen.Failure} is not possible:\n{program}");
            return;
        }

        Assert.True(seen.IsComplete, $"The search does not end:\n{program}");
        var missed = expected.Keys.Except(seen.Ends.Keys, StringComparer.Ordinal).ToList();
        var impossible = seen.Ends.Keys.Except(expected.Keys, StringComparer.Ordinal).ToList();
        Assert.True(missed.Count == 0 && impossible.Count == 0, $"Missed: {string.Join("; ", missed)}\nImpossible: {string.Join("; ", impossible)}\nAfter {seen.Executions} executions of\n{program}");
    }
}
