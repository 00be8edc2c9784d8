namespace TdpMmu.Verification.Simulation;

/// <summary>
/// The universal scalability law X(N) = L N / (1 + S (N - 1) + K N (N - 1)), fitted to throughputs: L is one processor's, S what is
/// serial, K what grows with the number of pairs. Immutable.
/// </summary>
/// <param name="Lambda">Throughput of one processor.</param>
/// <param name="Sigma">Serial share; 0 or more.</param>
/// <param name="Kappa">Cost of coherence; 0 or more.</param>
public sealed record ScalabilityFit(double Lambda, double Sigma, double Kappa)
{
    /// <summary>The number of processors with the highest throughput, or null where it grows for ever.</summary>
    public double? Peak => Kappa > 0 ? Math.Sqrt(Math.Max(0, 1 - Sigma) / Kappa) : null;

    /// <summary>The throughput of so many processors.</summary>
    /// <param name="processors">1 or more.</param>
    public double At(double processors) => Lambda * processors / (1 + (Sigma * (processors - 1)) + (Kappa * processors * (processors - 1)));

    /// <summary>Fits the law by least squares of relative errors.</summary>
    /// <param name="points">Processors and throughputs; at least three.</param>
    /// <returns>Null if there are too few different points.</returns>
    public static ScalabilityFit? Of(IReadOnlyList<(int Processors, double Throughput)> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        if (points.Select(static point => point.Processors).Distinct().Count() < 3)
        {
            return null;
        }

        // N / X is linear in its three terms. Terms that come out negative are left out and the rest is fitted again.
        foreach (var terms in new int[][] { [0, 1, 2], [0, 1], [0, 2] })
        {
            if (Solve(points, terms) is { } solution && solution[0] > 0 && solution[1] >= 0 && solution[2] >= 0)
            {
                return new ScalabilityFit(1 / solution[0], solution[1] / solution[0], solution[2] / solution[0]);
            }
        }

        var mean = points.Average(static point => point.Throughput / point.Processors);
        return new ScalabilityFit(mean, 0, 0);
    }

    private static double Term(int term, double processors) => term switch
    {
        0 => 1,
        1 => processors - 1,
        _ => processors * (processors - 1),
    };

    // Normal equations, solved by elimination.
    private static double[]? Solve(IReadOnlyList<(int Processors, double Throughput)> points, int[] terms)
    {
        var size = terms.Length;
        var matrix = new double[size, size + 1];
        foreach (var (processors, throughput) in points)
        {
            var weight = throughput / processors;
            for (var row = 0; row < size; row++)
            {
                var value = Term(terms[row], processors) * weight;
                for (var column = 0; column < size; column++)
                {
                    matrix[row, column] += value * Term(terms[column], processors) * weight;
                }

                matrix[row, size] += value;
            }
        }

        for (var pivot = 0; pivot < size; pivot++)
        {
            if (Math.Abs(matrix[pivot, pivot]) < 1e-300)
            {
                return null;
            }

            for (var row = 0; row < size; row++)
            {
                if (row != pivot)
                {
                    var factor = matrix[row, pivot] / matrix[pivot, pivot];
                    for (var column = pivot; column <= size; column++)
                    {
                        matrix[row, column] -= factor * matrix[pivot, column];
                    }
                }
            }
        }

        var solution = new double[3];
        for (var row = 0; row < size; row++)
        {
            solution[terms[row]] = matrix[row, size] / matrix[row, row];
        }

        return solution;
    }
}
