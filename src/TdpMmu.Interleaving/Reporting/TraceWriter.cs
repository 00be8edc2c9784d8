using System.Diagnostics;

namespace TdpMmu.Interleaving;

/// <summary>Writes down each step of an execution with the code that takes it.</summary>
internal sealed class TraceWriter
{
    private const int MostFrames = 3;

    private readonly List<TraceStep> _steps = [];

    internal IReadOnlyList<TraceStep> Steps => _steps;

    /// <summary>Called at each step, on the thread that takes it.</summary>
    internal void Add(SchedulingController controller)
    {
        var step = controller.Events[^1];
        var isFlush = step.Kind == OperationKind.Flush;
        var thread = controller.Threads[isFlush ? step.Actor - ScheduledThread.Most : step.Actor];
        _steps.Add(new TraceStep(
            _steps.Count,
            thread.Name,
            Describe(step, controller.IsBuffered),
            step.Address == 0 ? step.Detail ?? "" : controller.Arena.NameOf(step.Address),
            ValueOf(step),
            isFlush ? "" : Source()));
    }

    private static string ValueOf(in StepEvent step) => step.Address == 0 ? "" : step.Detail is null ? $"0x{step.Value:x}" : $"0x{step.Value:x} {step.Detail}";

    private static string Describe(in StepEvent step, bool buffered) => step.Kind switch
    {
        OperationKind.Begin => "begins",
        OperationKind.End => "ends",
        OperationKind.Load => "loads",
        OperationKind.Store => buffered ? "stores (buffered)" : "stores",
        OperationKind.FencedStore => "stores, fenced",
        OperationKind.Flush => "store reaches memory",
        OperationKind.Update => step.Address == 0 ? "locked operation" : "updates",
        OperationKind.Fence => "fences",
        OperationKind.ProcessWideFence => "fences all threads",
        OperationKind.Park => "parks on",
        OperationKind.Resume => "resumes from",
        OperationKind.Wake => "wakes",
        OperationKind.AwaitChange => "sees change of",
        OperationKind.Spin => "spins",
        OperationKind.Withdraw => "withdraws",
        OperationKind.Readmit => "readmits",
        OperationKind.Start => "starts",
        _ => "joins",
    };

    private static string Source()
    {
        var places = new List<string>();
        foreach (var frame in new StackTrace(fNeedFileInfo: true).GetFrames())
        {
            if (DiagnosticMethodInfo.Create(frame) is { } method && frame.GetFileName() is { } file && !IsMachinery(method.DeclaringTypeName))
            {
                places.Add($"{NameOf(method.Name)} {Path.GetFileName(file)}:{frame.GetFileLineNumber()}");
                if (places.Count == MostFrames)
                {
                    break;
                }
            }
        }

        return string.Join(" < ", places);
    }

    // The facade and the scheduler are in every stack and explain none.
    private static bool IsMachinery(string? type) =>
        type is null
        || type.StartsWith(typeof(TraceWriter).Namespace! + ".", StringComparison.Ordinal)
        || type == typeof(Concurrency.Atomics).FullName
        || type == typeof(Concurrency.AtomicsController).FullName;

    // Lambdas and local functions are named after the method that they are in.
    private static string NameOf(string name)
    {
        var open = name.IndexOf('<', StringComparison.Ordinal);
        var close = name.IndexOf('>', StringComparison.Ordinal);
        return open >= 0 && close > open + 1 ? name[(open + 1)..close] : name;
    }
}
