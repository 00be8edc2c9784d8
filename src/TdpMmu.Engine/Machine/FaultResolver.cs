using TdpMmu.Concurrency;
using TdpMmu.Slots;

namespace TdpMmu.Machine;

/// <summary>What every fault and every host access does about its page, whichever MMU then maps it.</summary>
internal sealed unsafe class FaultResolver
{
    private readonly MachineCore _core;
    private readonly PageBringer _bringer;

    internal FaultResolver(MachineCore core)
    {
        _core = core;
        _bringer = new PageBringer(core);
    }

    /// <summary>
    /// Looks at slot, invalidations and page, all inside the caller's section: nothing that is learnt here is used outside it,
    /// except that a missing page leaves the slot announced as referenced, for <see cref="Resolve"/>.
    /// </summary>
    internal Readiness Examine(int participant, Gfn frame, GuestAccess access, ref FaultContext context)
    {
        var record = _core.Slots.Find(participant, frame);
        if (record is null)
        {
            return Readiness.NoSlot;
        }

        context.Record = record;
        var flags = SlotRecord.LoadFlags(record);
        if ((flags & (SlotFlags.Deleting | SlotFlags.ReadOnly)) != SlotFlags.None)
        {
            if ((flags & SlotFlags.Deleting) != SlotFlags.None)
            {
                // A generation that was raised by the removal itself would be waited for until the next change, which may never
                // come: the one to outwait is one under which the slot is still found.
                context.Generation = _core.Slots.Generation;
                return _core.Slots.Find(participant, frame) == record
                    ? Readiness.Deleting
                    : Examine(participant, frame, access, ref context);
            }

            if ((access & GuestAccess.Write) != GuestAccess.None)
            {
                return Readiness.ReadOnly;
            }
        }

        context.Flags = flags;
        if (_core.Ranges.Covers(frame, out context.Place, out context.Phase))
        {
            return Readiness.Invalidating;
        }

        context.States = _core.Slots.SlotOf(record).Memory.States;
        switch (context.States.Get(record->PageOf(frame)))
        {
            case PageState.Present:
                return Readiness.Ready;
            case PageState.Poisoned:
                return Readiness.Poisoned;
            default:
                // The release keeps the announcement before the store that leaves the section: a deleter that has waited for the
                // section sees it.
                Atomics.StoreRelease(_core.Participants.Reference(participant), (ulong)record);
                return Readiness.Missing;
        }
    }

    /// <summary>Does outside the section what <see cref="Examine"/> found necessary.</summary>
    /// <returns>Null to try the fault again, or its outcome.</returns>
    internal FaultOutcome? Resolve(int participant, Gfn frame, GuestAccess access, Readiness readiness, ref FaultContext context)
    {
        switch (readiness)
        {
            case Readiness.Missing:
                return _bringer.BringIn(participant, frame, access, context.Record);
            case Readiness.NoSlot:
                return FaultOutcome.NoSlot;
            case Readiness.ReadOnly:
                return FaultOutcome.ReadOnly;
            case Readiness.Poisoned:
                return FaultOutcome.Poisoned;
            case Readiness.Invalidating:
            case Readiness.Deleting:
                _bringer.Await(participant, new FaultWait(readiness, ref context));
                return FaultOutcome.Retry;
            default:
                return null;
        }
    }

    // SAFETY: records are followed inside sections, or between Examine and Resolve under the announced reference.
}
