using TdpMmu.Formats;

namespace TdpMmu.Legacy;

/// <summary>
/// The hold on the MMU's lock, and the announced section, of an operation over a range: gives the lock to others when its budget is used up, and cannot give it
/// up or end with a flush owed.
/// </summary>
/// <remarks>Usage is <c>var pass = new LockedPass…; try { pass.Enter(); … } finally { pass.Dispose(); }</c>. A copy would own the same lock.</remarks>
internal ref struct LockedPass<TFormat>
    where TFormat : struct, IPagingFormat
{
    private readonly LegacyMmu<TFormat> _mmu;
    private int _budget;
    private bool _locked;
    private bool _indebted;
    private bool _flushPending;

    internal LockedPass(LegacyMmu<TFormat> mmu, int participant)
    {
        _mmu = mmu;
        Participant = participant;
        _budget = mmu.PassBudget;
    }

    /// <summary>Whose operation it is.</summary>
    internal int Participant { get; }

    /// <summary>Entries that may still be visited before the lock is given to others.</summary>
    internal readonly int Budget => _budget;

    /// <summary>Takes the lock.</summary>
    internal void Enter()
    {
        _mmu.EnterLocked(Participant);
        _locked = true;
    }

    /// <summary>
    /// Accounts for visited entries and lets others have the lock when the budget is used up: whatever the caller learnt under the
    /// lock may be wrong afterwards.
    /// </summary>
    internal void Spend(int entries)
    {
        _budget -= entries;
        if (_budget <= 0)
        {
            var contended = _mmu.IsLockContended;
            Settle();
            if (contended)
            {
                _mmu.StayOut();
            }

            _budget = _mmu.PassBudget;
            Enter();
        }
    }

    /// <summary>Counts the operation in before its first change that takes something away, so that whoever sees the change sees the debt.</summary>
    internal void BeginTakingAway()
    {
        if (!_indebted)
        {
            _mmu.IncurFlush();
            _indebted = true;
        }
    }

    /// <summary>Notes that something was taken away.</summary>
    internal void NoteTakenAway() => _flushPending = true;

    /// <summary>Gives the lock back and settles what is owed.</summary>
    internal void Dispose() => Settle();

    private void Settle()
    {
        if (_locked)
        {
            _locked = false;
            _mmu.LeaveLocked(Participant);
        }

        if (_flushPending)
        {
            _flushPending = false;
            _mmu.FlushAndRetire(Participant);
        }

        if (_indebted)
        {
            _indebted = false;
            _mmu.PayFlush();
        }
    }
}
