using TdpMmu.Concurrency;

namespace TdpMmu.Engine.Tests.Rules;

/// <summary>Shared memory is reached through the facade only: shown from what the compiler produced.</summary>
public sealed class FacadeRulesTests
{
    [Fact]
    public void EngineUsesNothingButTheFacade() => Assert.Empty(AssemblyScanner.Scan(typeof(GfnRange).Assembly.Location));

    [Fact]
    public void OnlyTheFacadeItselfUsesWhatItWraps()
    {
        // NativeBlock counts bytes for leak checks: the number decides nothing.
        string[] wrappers = [nameof(Atomics), nameof(RawMemory), nameof(NativeBlock), "Futex", "OperatingSystemThread"];
        var uses = AssemblyScanner.Scan(typeof(Atomics).Assembly.Location).ToList();
        Assert.Contains(uses, use => use.Type == nameof(Atomics) && use.What.Contains("Interlocked", StringComparison.Ordinal));
        Assert.DoesNotContain(uses, use => !wrappers.Contains(use.Type, StringComparer.Ordinal));
    }

    [Fact]
    public void EveryPlantedViolationIsFound()
    {
        var found = AssemblyScanner.Scan(typeof(PlantedViolations).Assembly.Location)
            .Where(use => use.Type == nameof(PlantedViolations)).Select(use => use.Method).ToHashSet(StringComparer.Ordinal);
        var planted = typeof(PlantedViolations)
            .GetMethods(System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.DeclaredOnly)
            .Select(method => method.Name).ToList();
        Assert.True(planted.Count >= 18);

        // The closure's own method carries the name of the method around it in angle brackets.
        Assert.All(planted.Where(name => name[0] != '<' && name != nameof(PlantedViolations.InClosure)), name => Assert.Contains(name, found));
        Assert.Contains(found, name => name.Contains($"<{nameof(PlantedViolations.InClosure)}>", StringComparison.Ordinal));
    }

    [Fact]
    public void HarmlessCodeIsNotReported()
    {
        var uses = AssemblyScanner.Scan(typeof(PlantedViolations).Assembly.Location);
        Assert.DoesNotContain(uses, use => use.Type is nameof(AssemblyScanner) or nameof(InstructionReader) or nameof(ForbiddenUses));
    }
}
