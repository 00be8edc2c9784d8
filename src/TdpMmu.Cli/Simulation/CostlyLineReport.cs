using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>A cache line that processors waited for.</summary>
internal sealed record CostlyLineReport(string Holds, long Transfers, double WaitedSeconds, IReadOnlyList<string> Places)
{
    public static CostlyLineReport Of(CostlyLine line) => new(line.Holds, line.Transfers, line.WaitedSeconds, line.Places);
}
