using System.Globalization;
using System.Text;

namespace TdpMmu.Interleaving;

/// <summary>Something that must not happen, with the schedule under which it does.</summary>
public sealed class Finding
{
    private const int LongestRepetition = 16;
    private const int FewestRepetitions = 4;

    internal Finding(string message, Exception cause, Recording recording, IReadOnlyList<TraceStep> steps, int preemptions, TimeSpan after)
    {
        Message = message;
        Cause = cause;
        Recording = recording;
        Steps = steps;
        Preemptions = preemptions;
        After = after;
    }

    /// <summary>What happened.</summary>
    public string Message { get; }

    /// <summary>What was thrown.</summary>
    public Exception Cause { get; }

    /// <summary>The schedule, to replay it.</summary>
    public Recording Recording { get; }

    /// <summary>The steps that led there.</summary>
    public IReadOnlyList<TraceStep> Steps { get; }

    /// <summary>How often a thread was interrupted that could have gone on.</summary>
    public int Preemptions { get; }

    /// <summary>When it was found, since the exploration began; the search for a shorter schedule is not in it.</summary>
    public TimeSpan After { get; }

    /// <summary>The steps as a table, with a line where another thread takes over.</summary>
    public string FormatTrace()
    {
        var text = new StringBuilder();
        var thread = Width(static step => step.Thread);
        var operation = Width(static step => step.Operation);
        var location = Width(static step => step.Location);
        var value = Width(static step => step.Value);
        string? last = null;
        for (var index = 0; index < Steps.Count;)
        {
            var (period, times) = RepetitionAt(index);
            for (var end = index + period; index < end; index++)
            {
                var step = Steps[index];
                if (last is not null && last != step.Thread)
                {
                    text.AppendLine();
                }

                last = step.Thread;
                var line = $"{step.Number,4}  {step.Thread.PadRight(thread)}  {step.Operation.PadRight(operation)}  {step.Location.PadRight(location)}  {step.Value.PadRight(value)}  {step.Source}";
                text.AppendLine(line.TrimEnd());
            }

            if (times > 1)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"      ... {(period == 1 ? "the same" : $"the same {period} steps")} {times - 1} more times");
                index += period * (times - 1);
            }
        }

        return text.ToString();
    }

    // How many steps from here on are repeated at once, and how often they are there: what goes on for ever is shown once.
    private (int Period, int Times) RepetitionAt(int start)
    {
        for (var period = 1; period <= LongestRepetition; period++)
        {
            var end = start + period;
            while (end < Steps.Count && Steps[end] with { Number = 0 } == Steps[end - period] with { Number = 0 })
            {
                end++;
            }

            if ((end - start) / period >= FewestRepetitions)
            {
                return (period, (end - start) / period);
            }
        }

        return (1, 1);
    }

    private int Width(Func<TraceStep, string> part) => Steps.Count == 0 ? 0 : Steps.Max(step => part(step).Length);
}
