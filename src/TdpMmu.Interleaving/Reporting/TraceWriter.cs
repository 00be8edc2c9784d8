using System.Diagnostics;

namespace TdpMmu.Interleaving;

/// <summary>Writes down each step of an execution with the code that takes it.</summary>
internal sealed class TraceWriter
{
    private const int MostFrames = 3;

    private readonly List<TraceStep> _steps = [];
    private readonly Queue<int>[] _buffered = [.. Enumerable.Range(0, ScheduledThread.Most).Select(static _ => new Queue<int>())];
    private readonly string[] _waits = new string[ScheduledThread.Most];

    internal IReadOnlyList<TraceStep> Steps => _steps;

    /// <summary>Adds the newest step, on the thread that takes it.</summary>
    internal void AddStep(SchedulingController controller)
    {
        var step = controller.Events[^1];
        var isFlush = step.Kind == OperationKind.Flush;
        var thread = isFlush ? step.Actor - ScheduledThread.Most : step.Actor;
        Add(
            controller.Threads[thread].Name,
            Describe(step),
            step.Address == 0 ? step.Detail ?? "" : controller.Arena.NameOf(step.Address),
            step.Address == 0 ? "" : ValueOf(controller, step.Value, step.Size, step.Detail),
            !isFlush ? Source(new StackTrace(fNeedFileInfo: true))
                : _buffered[thread].TryDequeue(out var number) ? $"stored in step {number}" : "");
    }

    /// <summary>Adds a store that goes to its buffer unseen by the schedule.</summary>
    internal void AddBuffered(SchedulingController controller, ScheduledThread thread, nint address, int size, ulong value)
    {
        _buffered[thread.Id].Enqueue(_steps.Count);
        Add(thread.Name, "stores (buffered)", controller.Arena.NameOf(address), ValueOf(controller, value, size, null), Source(new StackTrace(fNeedFileInfo: true)));
    }

    /// <summary>Remembers where a thread waits.</summary>
    internal void BeginWait(ScheduledThread thread) => _waits[thread.Id] = Source(new StackTrace(fNeedFileInfo: true));

    /// <summary>Adds those who wait when nobody can go on.</summary>
    internal void AddDeadlock(SchedulingController controller)
    {
        foreach (var thread in controller.Threads.Where(static thread => !thread.IsFinished))
        {
            Add(thread.Name, "waits for ever", thread.Address == 0 ? "" : controller.Arena.NameOf(thread.Address), "", _waits[thread.Id]);
        }
    }

    /// <summary>Adds where it failed.</summary>
    internal void AddFailure(SchedulingController controller, Exception failure)
    {
        if (!controller.IsDeadlock)
        {
            Add(controller.FailedThread ?? "at the end", "fails", "", "", Source(new StackTrace(failure, fNeedFileInfo: true)));
        }
    }

    /// <summary>The steps of an execution that was not written down while it ran: without their code.</summary>
    internal static IReadOnlyList<TraceStep> StepsOf(SchedulingController controller) =>
        [.. controller.Events.Select((step, index) => new TraceStep(
            index,
            controller.Threads[step.Actor & (ScheduledThread.Most - 1)].Name,
            Describe(step),
            step.Address == 0 ? step.Detail ?? "" : controller.Arena.NameOf(step.Address),
            step.Address == 0 ? "" : ValueOf(controller, step.Value, step.Size, step.Detail),
            ""))];

    private void Add(string thread, string operation, string location, string value, string source) =>
        _steps.Add(new TraceStep(_steps.Count, thread, operation, location, value, source));

    private static string ValueOf(SchedulingController controller, ulong value, int size, string? detail)
    {
        var text = size == sizeof(ulong) && controller.Arena.Contains((nint)value) ? controller.Arena.NameOf((nint)value) : $"0x{value:x}";
        return detail is null ? text : $"{text} {detail}";
    }

    private static string Describe(in StepEvent step) => step.Kind switch
    {
        OperationKind.Begin => "begins",
        OperationKind.End => "ends",
        OperationKind.Load => "loads",
        OperationKind.Store => "stores",
        OperationKind.FencedStore => "stores, fenced",
        OperationKind.Flush => "store reaches memory",
        OperationKind.Update => step.Address == 0 ? "locked operation" : "updates",
        OperationKind.Fence => "fences",
        OperationKind.ProcessWideFence => "fences all threads",
        OperationKind.ProcessWideFenceEnd => "has all threads fenced",
        OperationKind.Park => "parks on",
        OperationKind.Resume => "resumes from",
        OperationKind.Wake => "wakes",
        OperationKind.AwaitChange => "sees change of",
        OperationKind.Spin => "spins",
        OperationKind.Note => "is checked",
        OperationKind.Withdraw => "withdraws",
        OperationKind.Readmit => "readmits",
        OperationKind.Start => "starts",
        _ => "joins",
    };

    private static string Source(StackTrace stack)
    {
        var places = new List<string>();
        foreach (var frame in stack.GetFrames())
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
        || type == typeof(SchedulingController).FullName
        || type.StartsWith(typeof(SchedulingController).FullName + "+", StringComparison.Ordinal)
        || type == typeof(TraceWriter).FullName
        || type == typeof(BatonThread).FullName
        || type == typeof(Concurrency.Atomics).FullName
        || type == typeof(Concurrency.AtomicsController).FullName;

    // Lambdas and local functions are named after the method that they are in.
    private static string NameOf(string name)
    {
        var open = name.IndexOf('<', StringComparison.Ordinal);
        var close = name.IndexOf('>', StringComparison.Ordinal);
        if (open < 0 || close <= open + 1)
        {
            return name;
        }

        // The compiler's name of a program without one ends in a dollar sign.
        var inner = name[(open + 1)..close].TrimStart('<').TrimEnd('$');
        return inner;
    }
}
