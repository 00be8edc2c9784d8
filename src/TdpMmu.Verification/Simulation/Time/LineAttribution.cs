using System.Diagnostics;
using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>What lines hold, and which code brings them from other processors. Found from stacks, so it costs time and is off by default.</summary>
internal sealed class LineAttribution
{
    private const int AllSampledBelow = 8;
    private const int SampleInterval = 64;
    private const int FramesKept = 2;

    private readonly List<(nint Start, nuint Bytes, string Holds)> _allocations = [];
    private readonly Dictionary<nint, Dictionary<string, int>> _places = [];

    /// <summary>Remembers who allocated memory.</summary>
    internal void NoteAllocation(nint start, nuint bytes) => _allocations.Add((start, bytes, Describe(new StackTrace(), 1)));

    /// <summary>Remembers, for some transfers, which code caused them.</summary>
    internal void NoteTransfer(nint address, int transfers)
    {
        if (transfers > AllSampledBelow && transfers % SampleInterval != 0)
        {
            return;
        }

        var line = address & ~(nint)(LineTable.LineBytes - 1);
        if (!_places.TryGetValue(line, out var places))
        {
            _places[line] = places = [];
        }

        var place = Describe(new StackTrace(), FramesKept);
        places[place] = places.GetValueOrDefault(place) + (transfers > AllSampledBelow ? SampleInterval : 1);
    }

    /// <summary>Forgets transfers; allocations stay.</summary>
    internal void Clear() => _places.Clear();

    /// <summary>What the line holds: who allocated it, and how far from the start of that it lies.</summary>
    internal string HeldBy(nint line)
    {
        foreach (var (start, bytes, holds) in _allocations)
        {
            if ((nuint)(line - start) < bytes)
            {
                return $"{holds} +{line - start}";
            }
        }

        return "a record outside the arena";
    }

    /// <summary>The code that brought the line from other processors, the most frequent first.</summary>
    internal IReadOnlyList<string> PlacesOf(nint line) =>
        _places.TryGetValue(line, out var places)
            ? [.. places.OrderByDescending(static place => place.Value).ThenBy(static place => place.Key, StringComparer.Ordinal).Select(static place => place.Key)]
            : [];

    // The innermost methods that are neither the simulator's, the facade's nor an allocator's.
    private static string Describe(StackTrace stack, int frames)
    {
        var names = new List<string>();
        foreach (var frame in stack.GetFrames())
        {
            var method = DiagnosticMethodInfo.Create(frame);
            var type = method?.DeclaringTypeName;
            if (method is null || type is null || IsMachinery(type))
            {
                continue;
            }

            var shortType = type[(type.LastIndexOf('.') + 1)..];
            var generic = shortType.IndexOf('`', StringComparison.Ordinal);
            names.Add($"{(generic < 0 ? shortType : shortType[..generic])}.{method.Name}");
            if (names.Count == frames)
            {
                break;
            }
        }

        return names.Count == 0 ? "?" : string.Join(" in ", names);
    }

    private static bool IsMachinery(string type) =>
        type.EndsWith("." + nameof(Atomics), StringComparison.Ordinal)
        || type.EndsWith("." + nameof(NativeBlock), StringComparison.Ordinal)
        || type.Contains(nameof(VirtualTimeController), StringComparison.Ordinal)
        || type.Contains(nameof(LineTable), StringComparison.Ordinal)
        || type.Contains(nameof(LineAttribution), StringComparison.Ordinal)
        || type.Contains(nameof(SharedHost), StringComparison.Ordinal);
}
