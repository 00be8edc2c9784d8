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
    public void SearchOfStatesReachesWhatTheMachineReaches(string flavour, MemoryModel memory)
    {
        ForEach(flavour, 2, 4, s_programs, program => Reaches(program, memory, new StateSearch()));
        ForEach(flavour, 3, flavour == nameof(ProgramGenerator.Flavour.Locks) ? 2 : 3, s_programs, program => Reaches(program, memory, new StateSearch()));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SearchOfStatesReachesTheSameWhereThreadsForget(string flavour, MemoryModel memory)
    {
        ForEach(flavour, 2, 6, s_programs / 2, program => Reaches(program, memory, new StateSearch(), forgets: true));
        ForEach(flavour, 3, flavour == nameof(ProgramGenerator.Flavour.Locks) ? 3 : 4, s_programs / 2, program => Reaches(program, memory, new StateSearch(), forgets: true));
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

    [Theory]
    [MemberData(nameof(Kinds))]
    public void BoundedSearchSeesEveryOrderThatHasAsFewPreemptions(string flavour, MemoryModel memory)
    {
        for (var bound = 0; bound < 3; bound++)
        {
            ForEach(flavour, 2, 3, s_programs / 2, program => SameOrders(program, memory, bound, new EverySchedule(bound)));
            ForEach(flavour, 3, 2, s_programs / 4, program => SameOrders(program, memory, bound, new EverySchedule(bound)));
        }
    }

    /// <summary>Whoever ends where somebody else was before plans what it would have had to plan if it had gone on.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public void BoundedSearchThatRemembersStatesSeesTheSameOrders(string flavour, MemoryModel memory)
    {
        for (var bound = 1; bound < 4; bound++)
        {
            ForEach(flavour, 2, 6, s_programs / 4, program => SameOrders(program, memory, bound, new PartialOrderSearch(bound, remembers: false)));
            ForEach(flavour, 3, flavour == nameof(ProgramGenerator.Flavour.Locks) ? 2 : 4, s_programs / 8, program => SameOrders(program, memory, bound, new PartialOrderSearch(bound, remembers: false)));
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

    /// <summary>Programs of which a search with a bound must see that a thread was waiting, or that a store stayed behind, when others came by.</summary>
    public static TheoryData<string, MemoryModel, int> Waits => new()
    {
        { "whoever waits lets others go first", MemoryModel.SequentiallyConsistent, 0 },
        { "a store that ends a wait stays behind", MemoryModel.TotalStoreOrder, 0 },
        { "a step does not move past the one who waits for a store", MemoryModel.TotalStoreOrder, 1 },
        { "a limit of a wait is not its wake-up", MemoryModel.SequentiallyConsistent, 0 },
    };

    [Theory]
    [MemberData(nameof(Waits))]
    public void BoundedSearchSeesWhoWaits(string name, MemoryModel memory, int bound) => Bounded(WaitingProgram(name), memory, bound);

    private static SmallProgram WaitingProgram(string name)
    {
        const int A = 0, B = 1, C = 2, D = 3, E = 4, G = 2, K = 3, M = 4, Q = 5;
        const int Long = 1_000;
        return name switch
        {
            "whoever waits lets others go first" => new SmallProgram(
                3,
                [new(Opcode.Store, Value: 1)],
                [new(Opcode.Exchange, 1, 3, Value: 1), new(Opcode.AwaitChange, 0, 3), new(Opcode.Exchange, 2, 3, Value: 1)],
                [new(Opcode.Load, 1), new(Opcode.Load, 2, 1)]),
            "a store that ends a wait stays behind" => new SmallProgram(
                5,
                [new(Opcode.Exchange, D, 3, Value: 1), new(Opcode.Store, A, Value: 1), new(Opcode.AwaitChange, E, 3, Limit: Long), new(Opcode.Load, B)],
                [new(Opcode.Load, D), new(Opcode.Exchange, C, 3, Value: 1), new(Opcode.AwaitChange, A, 3, Limit: 2 * Long), new(Opcode.Exchange, B, 3, Value: 1)],
                [new(Opcode.Load, C), new(Opcode.Load, B, 1), new(Opcode.Exchange, E, 3, Value: 1)]),
            "a step does not move past the one who waits for a store" => new SmallProgram(
                6,
                [new(Opcode.Exchange, K, 3, Value: 1), new(Opcode.AwaitChange, A, 3, Limit: Long), new(Opcode.Exchange, B, 3, Value: 1), new(Opcode.Exchange, G, 3, Value: 2)],
                [
                    new(Opcode.Load, K), new(Opcode.Exchange, M, 3, Value: 1), new(Opcode.Store, A, Value: 1), new(Opcode.Load, Q, 1),
                    new(Opcode.AwaitChange, G, 3, Comparand: 1, Limit: 2 * Long), new(Opcode.Load, G, 2),
                ],
                [
                    new(Opcode.Load, M), new(Opcode.Exchange, G, 3, Value: 1), new(Opcode.AwaitChange, A, 3, Limit: 3 * Long), new(Opcode.Load, B, 1),
                    new(Opcode.Exchange, Q, 3, Value: 1),
                ]),
            _ => new SmallProgram(
                5,
                [new(Opcode.Exchange, E, 3, Value: 1), new(Opcode.Wake, E, Value: 1)],
                [
                    new(Opcode.Load, C), new(Opcode.Exchange, A, 3, Value: 1), new(Opcode.Park, E, 3), new(Opcode.Load, B, 1),
                    new(Opcode.Wake, A, Value: 1),
                ],
                [new(Opcode.Exchange, C, 3, Value: 1), new(Opcode.Park, A, 3, Limit: Long), new(Opcode.Exchange, B, 3, Value: 1)]),
        };
    }

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

    private static long Reduced(SmallProgram program, MemoryModel memory) => Reaches(program, memory, new PartialOrderSearch(int.MaxValue));

    private static long Reaches(SmallProgram program, MemoryModel memory, SearchStrategy strategy, bool forgets = false)
    {
        var expected = AbstractMachine.EndsOf(program, memory == MemoryModel.TotalStoreOrder);
        var seen = Exhaustion.Of(program, memory, strategy, forgets);
        AssertSame(program, expected, seen);
        return seen.Executions;
    }

    // Who comes to a state with fewer preemptions than somebody before ends there all the same if nothing was cut off behind it.
    private static long Bounded(SmallProgram program, MemoryModel memory, int bound) =>
        Bounded(program, memory, bound, remembers: false) + Bounded(program, memory, bound, remembers: true);

    private static long Bounded(SmallProgram program, MemoryModel memory, int bound, bool remembers)
    {
        var possible = AbstractMachine.EndsOf(program, memory == MemoryModel.TotalStoreOrder);
        var seen = Exhaustion.Of(program, memory, new PartialOrderSearch(bound, remembers));
        if (seen.Failure is not null)
        {
            Assert.True(possible.ContainsKey(seen.Failure), $"{seen.Failure} is not possible:\n{program}");
            return seen.Executions;
        }

        Assert.True(seen.IsComplete, $"The search does not end:\n{program}");
        Assert.All(seen.Ends, end => Assert.True(possible.ContainsKey(end.Key), $"{end} is not possible:\n{program}"));
        Assert.All(
            possible.Where(end => end.Value <= bound),
            end => Assert.True(
                seen.Ends.TryGetValue(end.Key, out var preemptions) && preemptions <= (remembers ? bound : end.Value), $"{end} was not seen with a bound of {bound}:\n{program}"));
        return seen.Executions;
    }

    private static long SameOrders(SmallProgram program, MemoryModel memory, int bound, SearchStrategy everything)
    {
        var all = Exhaustion.Of(program, memory, everything);
        if (!all.IsComplete)
        {
            return all.Executions;
        }

        var seen = Exhaustion.Of(program, memory, new PartialOrderSearch(bound));
        Assert.True(seen.IsComplete, $"The search does not end, or fails ({seen.Failure}):\n{program}");
        Assert.True(
            all.Orders.SetEquals(seen.Orders),
            $"{seen.Orders.Count} orders and not {all.Orders.Count} with a bound of {bound}, in {seen.Executions} executions and not {all.Executions}:\n{program}");
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
