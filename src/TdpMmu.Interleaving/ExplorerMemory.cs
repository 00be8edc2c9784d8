namespace TdpMmu.Interleaving;

/// <summary>The arenas of this process: each is reserved once, because its place is fixed.</summary>
internal static class ExplorerMemory
{
    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, Arena> s_arenas = [];

    internal static Arena Of(int number)
    {
        lock (s_gate)
        {
            if (!s_arenas.TryGetValue(number, out var arena))
            {
                arena = new Arena(number);
                s_arenas.Add(number, arena);
            }

            return arena;
        }
    }
}
