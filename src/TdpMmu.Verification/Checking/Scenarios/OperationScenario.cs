using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Operations on one machine, each on a thread of its own.</summary>
internal sealed class OperationScenario : Scenario
{
    private readonly MachineOperation[] _operations;
    private readonly StartState[] _starts;
    private readonly bool _yields;

    /// <summary>Creates a scenario.</summary>
    /// <param name="operations">Two or three.</param>
    internal OperationScenario(params MachineOperation[] operations)
        : this(yields: false, operations)
    {
    }

    /// <summary>Creates a scenario.</summary>
    /// <param name="yields">Whether walks yield as often as they may.</param>
    /// <param name="operations">Two or three.</param>
    internal OperationScenario(bool yields, params MachineOperation[] operations)
    {
        _yields = yields;
        _operations = operations;
        _starts = [.. operations.SelectMany(static operation => operation.Starts).Distinct()];
        Variants = [.. _starts.Select(static start => Kebab(start.ToString()))];
        Name = (yields ? "yielding+" : "") + string.Join('+', operations.Select(static operation => operation.Name));
    }

    internal override string Name { get; }

    internal override string Summary => string.Join("; ", _operations.Select(static operation => operation.Summary));

    internal override IReadOnlyList<string> Variants { get; }

    internal override void Arrange(Execution execution, int variant, LockPolicyKind policy)
    {
        var machine = new CheckedMachine(execution, policy, _starts[variant], _operations.Count(static operation => operation.IsGuest));
        if (_yields)
        {
            machine.YieldOften();
        }

        var vcpus = 0;
        for (var index = 0; index < _operations.Length; index++)
        {
            var operation = _operations[index];
            var thread = index;
            var vcpu = operation.IsGuest ? vcpus++ : -1;
            operation.Declare(machine, thread);
            execution.AddThread($"{operation.Name} ({(vcpu < 0 ? "host" : $"vCPU {vcpu}")})", () => operation.Run(machine, thread, vcpu));
        }
    }

    private static string Kebab(string name) => string.Concat(name.Select(static (letter, index) =>
        char.IsUpper(letter) ? (index == 0 ? "" : "-") + char.ToLowerInvariant(letter) : letter.ToString()));
}
