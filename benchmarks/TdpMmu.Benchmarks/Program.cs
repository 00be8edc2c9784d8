using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Benchmarks;

internal static class Program
{
    private static readonly Dictionary<string, Action<int>> s_benchmarks = new(StringComparer.Ordinal)
    {
        ["resident-fault"] = ResidentFault.Run,
        ["two-vcpus"] = TwoVcpus.Run,
        ["tlb-hit"] = TlbHit.Run,
        ["teardown-stall"] = TeardownStall.Run,
    };

    private static int Main(string[] arguments)
    {
        RuntimeHelpers.RunClassConstructor(typeof(Atomics).TypeHandle);
        var chosen = arguments.Length == 0 ? [.. s_benchmarks.Keys] : arguments;
        if (chosen.FirstOrDefault(name => !s_benchmarks.ContainsKey(name)) is { } unknown)
        {
            Console.Error.WriteLine($"There is no benchmark '{unknown}'; choose from {string.Join(", ", s_benchmarks.Keys)}.");
            return 2;
        }

        foreach (var name in chosen)
        {
            s_benchmarks[name](7);
        }

        return 0;
    }
}
