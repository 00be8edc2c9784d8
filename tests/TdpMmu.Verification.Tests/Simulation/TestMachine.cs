namespace TdpMmu.Verification.Simulation.Tests;

/// <summary>A machine with round numbers: 2 sockets of 4 processors.</summary>
internal static class TestMachine
{
    public static MachineModel Create() => MachineCatalog.Get("x86-416") with
    {
        Name = "test",
        Sockets = 2,
        CpusPerSocket = 4,
        CpusPerCluster = 2,
        ThreadsPerCore = 1,
        Transfer = new TransferCosts { SameCore = 10, SameCluster = 20, SameSocket = 50, CrossSocket = 100, Variation = 0 },
        Operation = new OperationCosts { Load = 1, Store = 1, Locked = 5, Fence = 5, Clock = 20, Pause = 40, LineFromMemory = 0, GuestAccess = 1, ZeroPerKib = 0 },
        Waiting = new WaitingCosts { SpinRounds = 0, Park = 10, WakeCall = 30, WakeNobody = 3, WakeLatency = 500 },
        Interrupt = new InterruptCosts { Base = 100, PerCpu = 10, Handler = 7 },
    };
}
