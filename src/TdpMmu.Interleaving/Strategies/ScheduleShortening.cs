using System.Diagnostics;

namespace TdpMmu.Interleaving;

/// <summary>
/// Makes a schedule that fails easier to read: leaves out steps that the failure does not need and puts together what one thread does, as
/// long as the same failure comes out.
/// </summary>
internal sealed class ScheduleShortening
{
    private const int MostAttempts = 2_000;
    private static readonly TimeSpan s_mostTime = TimeSpan.FromSeconds(2);

    private readonly Func<IReadOnlyList<int>, Attempt?> _run;
    private readonly long _start = Stopwatch.GetTimestamp();
    private Attempt _best;
    private int _attempts;

    /// <summary>Creates a shortening.</summary>
    /// <param name="first">What is known to fail.</param>
    /// <param name="run">Runs a schedule; null if it does not fail in the same way.</param>
    internal ScheduleShortening(Attempt first, Func<IReadOnlyList<int>, Attempt?> run)
    {
        _best = first;
        _run = run;
    }

    private bool IsOver => _attempts >= MostAttempts || Stopwatch.GetElapsedTime(_start) > s_mostTime;

    /// <summary>Shortens for as long as it gets shorter, within limits.</summary>
    internal Attempt Run()
    {
        while (!IsOver && (LeaveOut() || Join()))
        {
        }

        return _best;
    }

    private bool LeaveOut()
    {
        var improved = false;
        for (var index = _best.Choices.Count - 1; index >= 0 && !IsOver; index--)
        {
            if (index < _best.Choices.Count)
            {
                improved |= Try([.. _best.Choices.Take(index), .. _best.Choices.Skip(index + 1)]);
            }
        }

        return improved;
    }

    // Moves each run of choices to the one before, and to the one after, of the same thread or its buffer.
    private bool Join()
    {
        var improved = false;
        for (var start = 0; start < _best.Choices.Count && !IsOver; start++)
        {
            var choices = _best.Choices;
            if (start > 0 && choices[start] == choices[start - 1])
            {
                continue;
            }

            var end = start + 1;
            while (end < choices.Count && choices[end] == choices[start])
            {
                end++;
            }

            var earlier = start - 1;
            while (earlier >= 0 && !IsSameFamily(choices[earlier], choices[start]))
            {
                earlier--;
            }

            var later = end;
            while (later < choices.Count && !IsSameFamily(choices[later], choices[start]))
            {
                later++;
            }

            improved |= (earlier >= 0 && earlier < start - 1 && Try(Move(choices, start, end, earlier + 1)))
                || (later > end && later < choices.Count && Try(Move(choices, start, end, later)));
        }

        return improved;
    }

    private static List<int> Move(IReadOnlyList<int> choices, int start, int end, int before)
    {
        var moved = choices.Skip(start).Take(end - start);
        return before < start
            ? [.. choices.Take(before), .. moved, .. choices.Skip(before).Take(start - before), .. choices.Skip(end)]
            : [.. choices.Take(start), .. choices.Skip(end).Take(before - end), .. moved, .. choices.Skip(before)];
    }

    private bool Try(List<int> choices)
    {
        _attempts++;
        if (_run(choices) is not { } attempt || attempt.CompareTo(_best) >= 0)
        {
            return false;
        }

        _best = attempt;
        return true;
    }

    private static bool IsSameFamily(int actor, int other) => (actor & (ScheduledThread.Most - 1)) == (other & (ScheduledThread.Most - 1));

    /// <summary>A schedule that fails.</summary>
    /// <param name="Choices">Who was chosen.</param>
    /// <param name="Preemptions">How often a thread was interrupted.</param>
    internal sealed record Attempt(IReadOnlyList<int> Choices, int Preemptions)
    {
        private readonly int _switches = Enumerable.Range(1, Math.Max(0, Choices.Count - 1)).Count(index => !IsSameFamily(Choices[index], Choices[index - 1]));

        /// <summary>The fewest preemptions, then the fewest switches, then the fewest steps.</summary>
        internal int CompareTo(Attempt other) =>
            (Preemptions, _switches, Choices.Count).CompareTo((other.Preemptions, other._switches, other.Choices.Count));
    }
}
