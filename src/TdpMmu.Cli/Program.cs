using System.Runtime.CompilerServices;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Concurrency;

namespace TdpMmu.Cli;

internal static class Program
{
    private static int Main(string[] arguments)
    {
        EngineSwitches.Set(arguments);

        // A method that is optimised before this constructor ran would keep the check of its switches for ever.
        RuntimeHelpers.RunClassConstructor(typeof(Atomics).TypeHandle);
        using var interruption = new Interruption();
        return CommandApplication.Run(arguments, CommandConsole.OfProcess, interruption.Token);
    }
}
