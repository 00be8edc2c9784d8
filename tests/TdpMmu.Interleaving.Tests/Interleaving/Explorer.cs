namespace TdpMmu.Interleaving.Tests;

/// <summary>Runs a program under many seeds.</summary>
internal static class Explorer
{
    /// <summary>Runs seeds 0 and up; the first failure is reported with its seed.</summary>
    /// <param name="seeds">How many.</param>
    /// <param name="run">Makes the program's state, runs it under the given controller, and checks what is left.</param>
    /// <param name="options">How each run is made.</param>
    internal static void Explore(int seeds, Action<SeededController> run, SeededOptions? options = null)
    {
        if (FirstFailure(seeds, run, options) is { } failure)
        {
            throw failure;
        }
    }

    /// <summary>The first failure among the seeds, or null.</summary>
    internal static InterleavingFailureException? FirstFailure(int seeds, Action<SeededController> run, SeededOptions? options = null)
    {
        for (var seed = 0; seed < seeds; seed++)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            var controller = new SeededController((ulong)seed, options ?? new SeededOptions());
            try
            {
                run(controller);
            }
#pragma warning disable CA1031 // Any exception is the finding.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return new InterleavingFailureException($"Seed {seed}: {exception.Message}", exception);
            }
        }

        return null;
    }
}
