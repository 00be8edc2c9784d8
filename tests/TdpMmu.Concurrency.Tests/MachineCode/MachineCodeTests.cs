using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace TdpMmu.Concurrency.Tests.MachineCode;

/// <summary>What the facade compiles to: one instruction each, in order, and nothing of the controller.</summary>
public sealed partial class MachineCodeTests(Listings listings) : IClassFixture<Listings>
{
    private static readonly string[] s_tiers = ["Tier1", "Tier1-OSR"];

    [GeneratedRegex(@"\b(?:r\d+[dwb]?|[re]?[abcd]x|[re]?[sd]i|[re]?bp|[abcd]l|[sd]il)\b")]
    private static partial Regex Registers { get; }

    [Fact]
    public void ControllerLeavesNoTrace()
    {
        Assert.Equal("not controllable", listings.Output);
        Assert.True(listings.Optimised.Count() >= 15, $"Only {listings.Optimised.Count()} methods were optimised.");
        Assert.All(listings.Optimised, listing =>
        {
            // A trace of the controller would be a call, a load of its static field, or a branch on one.
            Assert.DoesNotContain(listing.Value, line => line.StartsWith("call", StringComparison.Ordinal) || line.Contains("(reloc", StringComparison.Ordinal));
            Assert.DoesNotContain(listing.Value, line => line.Contains("test byte", StringComparison.Ordinal) || line.Contains("cmp byte", StringComparison.Ordinal));
        });
    }

    [Theory]
    [InlineData("ProbeLoad", "mov r, qword ptr [r]")]
    [InlineData("ProbeLoadInt", "mov r, dword ptr [r]")]
    [InlineData("ProbeLoadData", "mov r, dword ptr [r]")]
    [InlineData("ProbeStore", "mov qword ptr [r], r")]
    [InlineData("ProbeStoreData", "mov word ptr [r], r")]
    [InlineData("ProbeExchange", "xchg qword ptr [r], r")]
    [InlineData("ProbePast", "xchg qword ptr [r], r")]
    [InlineData("ProbeCompareExchange", "lock cmpxchg qword ptr [r], r")]
    [InlineData("ProbeCompareExchangeInt", "lock cmpxchg dword ptr [r], r")]
    [InlineData("ProbeAdd", "lock xadd qword ptr [r], r")]
    [InlineData("ProbeAnd", "lock and qword ptr [r], r")]
    [InlineData("ProbeOr", "lock or qword ptr [r], r")]
    [InlineData("ProbeFence", "lock or dword ptr [rsp], 0")]
    public void EachOperationIsOneInstruction(string method, string expected)
    {
        SkipUnlessX64();
        Assert.Equal([expected], MemoryAccesses(method, "Tier1"));
    }

    [Fact]
    public void NeighbouringWindowsAreNotMerged()
    {
        SkipUnlessX64();
        Assert.Equal(
            ["0x1111", "read", "read", "0x2222", "0x3333", "read", "read", "0x4444"],
            [.. listings.Of("ProbeTwoWindows", "Tier1").Where(IsMemoryAccess).Select(StoredConstant)]);
    }

    [Theory]
    [InlineData("Tier1")]
    [InlineData("Tier1-OSR")]
    public void WindowStoresStayAroundTheLoads(string tier)
    {
        SkipUnlessX64();
        var accesses = listings.Of("ProbeWindowLoop", tier).Where(IsMemoryAccess).ToArray();
        Assert.Equal(["0x5555", "read", "read", "0x6666"], [.. accesses.Select(StoredConstant)]);

        // The request is read before the data, each by its own register, and both stores go to the same word.
        var registers = accesses.Select(Register).ToArray();
        Assert.Equal(registers[0], registers[3], StringComparer.Ordinal);
        Assert.Equal(3, registers.Distinct(StringComparer.Ordinal).Count());
        Assert.StartsWith("cmp", accesses[1], StringComparison.Ordinal);
    }

    [Fact]
    public void LoopsKeepEveryOperation()
    {
        SkipUnlessX64();
        foreach (var tier in s_tiers)
        {
            var accesses = MemoryAccesses("ProbeMixedLoop", tier);
            Assert.Equal(
                [
                    "lock cmpxchg qword ptr [r], r", "xchg qword ptr [r], r", "lock xadd qword ptr [r], r", "lock cmpxchg dword ptr [r], r",
                    "lock or dword ptr [rsp], 0", "add r, qword ptr [r]", "mov qword ptr [r], r",
                ],
                accesses);
        }
    }

    private static void SkipUnlessX64()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Assert.Skip("The expected instructions are those of x86-64.");
        }
    }

    // Accesses of the frame are the compiler's own business; the fence is a locked operation on the top of the stack.
    private static bool IsMemoryAccess(string line) =>
        line.Contains("ptr [", StringComparison.Ordinal) && !line.Contains("[rbp", StringComparison.Ordinal)
        && (line.StartsWith("lock", StringComparison.Ordinal) || !line.Contains("[rsp", StringComparison.Ordinal));

    private static string StoredConstant(string line) => line.Contains("], 0x", StringComparison.Ordinal) ? line[(line.LastIndexOf(' ') + 1)..] : "read";

    private static string Register(string line) => line[(line.IndexOf('[', StringComparison.Ordinal) + 1)..line.IndexOf(']', StringComparison.Ordinal)];

    private string[] MemoryAccesses(string method, string tier) =>
        [.. listings.Of(method, tier).Where(IsMemoryAccess).Select(line => Registers.Replace(line, "r"))];
}
