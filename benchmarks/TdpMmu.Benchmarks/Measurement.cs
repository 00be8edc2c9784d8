using System.Diagnostics;
using System.Globalization;

namespace TdpMmu.Benchmarks;

/// <summary>Runs variants in turn, A B A B, and prints medians and the medians of paired ratios.</summary>
internal sealed class Measurement(string title, string unit)
{
    private readonly List<(string Name, Func<double> Run)> _variants = [];

    internal Measurement Add(string name, Func<double> run)
    {
        _variants.Add((name, run));
        return this;
    }

    internal double[][] Run(int warmups, int rounds)
    {
        for (var round = 0; round < warmups; round++)
        {
            foreach (var (_, run) in _variants)
            {
                _ = run();
            }
        }

        var results = _variants.Select(_ => new double[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var variant = 0; variant < _variants.Count; variant++)
            {
                results[variant][round] = _variants[variant].Run();
            }
        }

        Console.WriteLine(title);
        for (var variant = 0; variant < _variants.Count; variant++)
        {
            var ratios = Enumerable.Range(0, rounds).Select(round => results[variant][round] / results[0][round]).ToArray();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {_variants[variant].Name,-44} {Median(results[variant]),10:F2} {unit}  ({results[variant].Min():F2}..{results[variant].Max():F2})  x{Median(ratios):F3}"));
        }

        return results;
    }

    internal static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    internal static double NanosecondsPer(long operations, Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / operations;
    }
}
