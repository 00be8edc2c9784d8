using static TdpMmu.Interleaving.Tests.SmallPrograms.Opcode;

namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>The classic tests of memory models (Sewell et al., "x86-TSO", 2010; Alglave et al., "Herding cats", 2014), with x86's answers.</summary>
public sealed class LitmusTests
{
    private const int X = 0;
    private const int Y = 1;
    private const int Z = 2;

    /// <summary>Name, program, the outcome in question, and whether SC and TSO allow it.</summary>
    public static TheoryData<string, bool, bool> Outcomes => new()
    {
        { "SB", false, true },
        { "SB with fences", false, false },
        { "SB with locked operations", false, false },
        { "SB with a process-wide fence on one side and one on the other", false, false },
        { "SB with a process-wide fence on one side", false, true },
        { "one process-wide fence for two threads that fence apart", false, true },
        { "MP", false, false },
        { "LB", false, false },
        { "S", false, false },
        { "R", false, true },
        { "R with a fence", false, false },
        { "2+2W", false, false },
        { "IRIW", false, false },
        { "WRC", false, false },
        { "n6", false, true },
        { "n5", false, false },
        { "own stores are seen early", true, true },
    };

    [Theory]
    [MemberData(nameof(Outcomes))]
    public void OutcomeIsSeenWhereItIsAllowed(string name, bool sequential, bool buffered)
    {
        var (program, outcome) = ProgramOf(name);
        foreach (var (memory, expected) in new[] { (MemoryModel.SequentiallyConsistent, sequential), (MemoryModel.TotalStoreOrder, buffered) })
        {
            var seen = Exhaustion.Of(program, memory, new PartialOrderSearch(int.MaxValue));
            Assert.Null(seen.Failure);
            Assert.True(seen.IsComplete);
            Assert.True(seen.Ends.ContainsKey(outcome) == expected, $"{name}, {memory}: {string.Join("; ", seen.Ends.Keys)}");
        }
    }

    private static (SmallProgram Program, string Outcome) ProgramOf(string name)
    {
        Instruction writeX = new(Store, X, Value: 1), writeY = new(Store, Y, Value: 1);
        Instruction readX = new(Load, X), readY = new(Load, Y);
        Instruction alsoX = new(Load, X, 1), alsoY = new(Load, Y, 1);
        Instruction fence = new(Fence), all = new(ProcessWideFence);
        return name switch
        {
            "SB" => (Of([writeX, readY], [writeY, readX]), "0,0,0,0 0,0,0,0 | 1,1,0"),
            "SB with fences" => (Of([writeX, fence, readY], [writeY, fence, readX]), "0,0,0,0 0,0,0,0 | 1,1,0"),
            "SB with locked operations" =>
                (Of([new(Exchange, X, 1, 1), readY], [new(Exchange, Y, 1, 1), readX]), "0,0,0,0 0,0,0,0 | 1,1,0"),
            "SB with a process-wide fence on one side and one on the other" => (Of([writeX, all, readY], [writeY, all, readX]), "0,0,0,0 0,0,0,0 | 1,1,0"),

            // One side's fence of all threads orders the other side only up to where it is at that time.
            "SB with a process-wide fence on one side" => (Of([writeX, readY], [writeY, readX], [all]), "0,0,0,0 0,0,0,0 0,0,0,0 | 1,1,0"),

            // The second thread fences before its store, the third after the second's last load.
            "one process-wide fence for two threads that fence apart" =>
                (Of([new(Exchange, Z, 3, 1), all, readX], [new(Load, Z), writeX, alsoY], [writeY, new(Load, Z)]), "0,0,0,0 1,0,0,0 0,0,0,0 | 1,1,1"),
            "MP" => (Of([writeX, writeY], [readY, alsoX]), "0,0,0,0 1,0,0,0 | 1,1,0"),
            "LB" => (Of([readX, writeY], [readY, writeX]), "1,0,0,0 1,0,0,0 | 1,1,0"),
            "S" => (Of([new(Store, X, Value: 2), writeY], [readY, writeX]), "0,0,0,0 1,0,0,0 | 2,1,0"),
            "R" => (Of([writeX, writeY], [new(Store, Y, Value: 2), readX]), "0,0,0,0 0,0,0,0 | 1,2,0"),
            "R with a fence" => (Of([writeX, writeY], [new(Store, Y, Value: 2), fence, readX]), "0,0,0,0 0,0,0,0 | 1,2,0"),
            "2+2W" => (Of([writeX, new(Store, Y, Value: 2)], [writeY, new(Store, X, Value: 2)]), "0,0,0,0 0,0,0,0 | 1,1,0"),
            "IRIW" => (Of([writeX], [writeY], [readX, alsoY], [readY, alsoX]), "0,0,0,0 0,0,0,0 1,0,0,0 1,0,0,0 | 1,1,0"),
            "WRC" => (Of([writeX], [readX, new(JumpIf, Value: 3), writeY], [readY, alsoX]), "0,0,0,0 1,0,0,0 1,0,0,0 | 1,1,0"),
            "n6" => (Of([writeX, readX, alsoY], [writeY, new(Store, X, Value: 2)]), "1,0,0,0 0,0,0,0 | 1,1,0"),
            "n5" => (Of([writeX, readX], [new(Store, X, Value: 2), readX]), "2,0,0,0 1,0,0,0 | 1,0,0"),
            _ => (Of([writeX, readX], [writeY]), "1,0,0,0 0,0,0,0 | 1,1,0"),
        };
    }

    private static SmallProgram Of(params Instruction[][] threads) => new(3, threads);
}
