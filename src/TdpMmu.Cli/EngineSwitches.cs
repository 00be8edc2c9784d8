using TdpMmu.Concurrency;

namespace TdpMmu.Cli;

/// <summary>
/// How the engine is compiled in this process: at full speed, or with every operation going through a controller. It is decided before the
/// engine is first used, by the verb, which is the first argument.
/// </summary>
internal static class EngineSwitches
{
    public static void Set(IReadOnlyList<string> arguments)
    {
        string verb = arguments.Count == 0 ? string.Empty : arguments[0];
        if (verb is "check" or "simulate")
        {
            AppContext.SetSwitch(Atomics.ControlSwitch, true);
        }

        if (verb is "check")
        {
            AppContext.SetSwitch(EngineChecks.Switch, true);
        }
    }
}
