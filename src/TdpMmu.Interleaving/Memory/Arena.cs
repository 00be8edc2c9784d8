using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TdpMmu.Interleaving;

/// <summary>
/// The memory that explored threads share: at the same addresses in every execution, never reused within one, and with a word of notes
/// beside each word of memory.
/// </summary>
/// <remarks>
/// Every thread allocates from a region of its own, so that addresses do not depend on the schedule. Notes live at a constant distance
/// from what they are about. Used by one thread at a time.
/// </remarks>
internal sealed unsafe partial class Arena
{
    internal const int Regions = ScheduledThread.Most + 1;
    private const nint RegionBytes = 32 << 20;
    private const nint DataBytes = Regions * RegionBytes;
    private const long FirstBase = 0x3000_0000_0000;
    private const long BaseStride = 0x10_0000_0000;

    private const ulong SharedBit = 1UL << 63;
    private const ulong WithdrawableBit = 1UL << 62;
    private const ulong LastingBits = SharedBit | WithdrawableBit;
    private const ulong ExcludedBit = 1UL << 24;
    private const ulong UseBits = 0xffff | ExcludedBit;
    private const ulong ForbiddenBits = 0xffUL << 16;
    private const ulong QuarantinedBit = 1UL << 16;
    private const ulong FreedBit = 2UL << 16;
    private const int ForbidderShift = 18;
    private const int StampShift = 32;
    private const ulong StampMask = 0x3fff_ffffUL << StampShift;

    private readonly nint _base;
    private readonly nint[] _used = new nint[Regions];
    private readonly nint[] _touched = new nint[Regions];
    private readonly List<(nint Start, nint End, string Name)> _names = [];
    private ulong _stamp;

    /// <summary>
    /// Whether words are shared that several threads use in any executions together. Where an execution is not run because what it would come
    /// to is known, no single one may have all the uses.
    /// </summary>
    internal bool JoinsExecutions { get; set; }

    // SAFETY: data and notes are one mapping of twice DataBytes that lives as long as the process. Single addresses are asked of Contains by
    // whoever brings them, ranges are checked by RequireContained before the first note is touched, and offsets are below DataBytes.
    internal Arena(int index) => _base = Reserve((nint)(FirstBase + (index * BaseStride)), 2 * DataBytes);

    /// <summary>Whether a word must not be used.</summary>
    internal bool IsForbidden(nint address)
    {
        var note = *Note(address);
        return (note & ForbiddenBits) != 0 && (note & StampMask) == _stamp;
    }

    /// <summary>Whether a word was ever freed or put in quarantine, in any execution.</summary>
    internal bool IsWithdrawable(nint address) => (*Note(address) & WithdrawableBit) != 0;

    /// <summary>The thread that freed a forbidden word or put it in quarantine, or -1 for the one that arranged the execution.</summary>
    internal int ForbidderOf(nint address) => (int)((*Note(address) >> ForbidderShift) & 0xf) - 1;

    /// <summary>Why a word must not be used, or null.</summary>
    internal string? ForbiddenBecause(nint address)
    {
        var note = *Note(address);
        return (note & StampMask) != _stamp || (note & ForbiddenBits) == 0 ? null
            : (note & FreedBit) != 0 ? "was freed" : "is in quarantine";
    }

    internal bool Contains(nint address) => (nuint)(address - _base) < (nuint)DataBytes;

    /// <summary>Fails unless all of these bytes are explored memory.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    internal void RequireContained(nint address, nuint bytes)
    {
        if (!Contains(address) || bytes > (nuint)(DataBytes - (address - _base)))
        {
            throw new ArgumentException($"The {bytes} bytes at 0x{address:x} are not shared memory of an explored program.", nameof(address));
        }
    }

    internal nint OffsetOf(nint address) => address - _base;

    internal nint AddressAt(nint offset) => _base + offset;

    /// <summary>Begins an execution: everything is zero and free again.</summary>
    internal void Reset()
    {
        for (var region = 0; region < Regions; region++)
        {
            NativeMemory.Clear((void*)(_base + (region * RegionBytes)), (nuint)_used[region]);
            _touched[region] = Math.Max(_touched[region], _used[region]);
            _used[region] = 0;
        }

        _names.Clear();
        _stamp = (_stamp + (1UL << StampShift)) & StampMask;
        if (_stamp == 0)
        {
            throw new InvalidOperationException("An exploration has at most 2^30 executions.");
        }
    }

    /// <summary>Begins an exploration: nothing is known about any word.</summary>
    internal void Forget()
    {
        Reset();
        for (var region = 0; region < Regions; region++)
        {
            NativeMemory.Clear(Note(_base + (region * RegionBytes)), (nuint)_touched[region]);
            _touched[region] = 0;
        }
    }

    internal nint Allocate(int region, nuint bytes, nuint alignment)
    {
        // Checked before anything is added to them.
        if (bytes > (nuint)RegionBytes || alignment > (nuint)RegionBytes)
        {
            throw TooMuch();
        }

        var start = _base + (region * RegionBytes);
        var address = (nint)(((nuint)(start + _used[region]) + alignment - 1) & ~(alignment - 1));
        var end = (nint)(((nuint)address + bytes + 15) & ~(nuint)15);
        if (end - start > RegionBytes)
        {
            throw TooMuch();
        }

        _used[region] = end - start;
        _names.Add((address, address + (nint)bytes, $"block {_names.Count}"));
        return address;
    }

    internal void Label(nint start, nint bytes, string name) => _names.Add((start, start + bytes, name));

    /// <summary>The last label that covers an address, with the offset in it.</summary>
    internal string NameOf(nint address)
    {
        for (var index = _names.Count - 1; index >= 0; index--)
        {
            var (start, end, name) = _names[index];
            if (address >= start && address < end)
            {
                return address == start && end - start <= sizeof(ulong) ? name : $"{name}+0x{address - start:x}";
            }
        }

        return Contains(address) ? $"arena+0x{OffsetOf(address):x}" : $"0x{address:x}";
    }

    /// <summary>Forbids the use of words.</summary>
    /// <returns>Whether one of them is shared and was never forbidden before, in any execution.</returns>
    /// <exception cref="ArgumentException">The bytes are not explored memory.</exception>
    internal bool Forbid(nint address, nuint bytes, bool freed, int thread)
    {
        RequireContained(address, bytes);

        // SAFETY: a whole vector of words lies within the range that was checked, and their notes DataBytes behind.
        // A table or a page is hundreds of words, and each execution has many of them: four words at a time.
        var known = Vector256<ulong>.Zero;
        var bits = Vector256.Create(WithdrawableBit | _stamp | (freed ? FreedBit : QuarantinedBit) | ((ulong)(thread + 1) << ForbidderShift));
        var word = address & ~7;
        for (; word + 32 <= address + (nint)bytes; word += 32)
        {
            var notes = Vector256.Load(Note(word));
            known |= Vector256.Equals(notes & Vector256.Create(SharedBit | WithdrawableBit), Vector256.Create(SharedBit));
            notes &= Vector256.Create(LastingBits) | (Vector256.Equals(notes & Vector256.Create(StampMask), Vector256.Create(_stamp)) & Vector256.Create(UseBits));
            Vector256.Store(notes | bits, Note(word));
        }

        var isNew = known != Vector256<ulong>.Zero;
        for (; word < address + (nint)bytes; word += 8)
        {
            var note = Note(word);
            isNew |= (*note & (SharedBit | WithdrawableBit)) == SharedBit;
            *note = (*note & (LastingBits | ((*note & StampMask) == _stamp ? UseBits : 0))) | bits[0];
        }

        return isNew;
    }

    /// <summary>Permits the use of words again.</summary>
    /// <exception cref="ArgumentException">The bytes are not explored memory.</exception>
    internal void Readmit(nint address, nuint bytes)
    {
        RequireContained(address, bytes);
        for (var word = address & ~7; word < address + (nint)bytes; word += 8)
        {
            *Note(word) &= ~ForbiddenBits;
        }
    }

    /// <summary>Notes that a thread accesses a word.</summary>
    /// <param name="address">An address in the word.</param>
    /// <param name="thread">Who.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="discovered">Gets the word if it was not known to be shared and now is.</param>
    /// <returns>Whether the word is known to be shared: several threads use it and one of them writes.</returns>
    internal bool Touch(nint address, int thread, bool write, List<nint> discovered)
    {
        var note = Note(address);
        var value = *note;
        if ((value & StampMask) != _stamp)
        {
            value = (value & (JoinsExecutions ? LastingBits | (UseBits & ~ExcludedBit) : LastingBits)) | _stamp;
        }

        value |= 1UL << (write ? thread + ScheduledThread.Most : thread);
        if ((value & (SharedBit | ExcludedBit)) == 0)
        {
            var writers = (value >> ScheduledThread.Most) & 0xff;
            var users = (value & 0xff) | writers;
            if (writers != 0 && (users & (users - 1)) != 0)
            {
                value |= SharedBit;
                discovered.Add(address & ~7);
            }
        }

        *note = value;
        return (value & (SharedBit | ExcludedBit)) == SharedBit;
    }

    /// <summary>Whether a word is known to be shared.</summary>
    internal bool IsShared(nint address) => (*Note(address) & SharedBit) != 0;

    /// <summary>Whether a thread has written a word in this execution.</summary>
    internal bool IsWrittenBy(nint address, int thread)
    {
        var note = *Note(address);
        return (note & StampMask) == _stamp && (note & (1UL << (thread + ScheduledThread.Most))) != 0;
    }

    /// <summary>Whether a word counts as private although it need not be.</summary>
    internal bool IsExcluded(nint address) => (*Note(address) & (StampMask | ExcludedBit)) == (_stamp | ExcludedBit);

    /// <summary>Has words count as private for this execution, whoever uses them.</summary>
    /// <exception cref="ArgumentException">The bytes are not explored memory.</exception>
    internal void Exclude(nint address, nint bytes)
    {
        RequireContained(address, (nuint)bytes);
        for (var word = address & ~7; word < address + bytes; word += 8)
        {
            *Note(word) = (*Note(word) & LastingBits) | _stamp | ExcludedBit;
        }
    }

    /// <summary>The offsets of all words that are known to be shared.</summary>
    internal List<long> SharedOffsets()
    {
        var offsets = new List<long>();
        for (var region = 0; region < Regions; region++)
        {
            var limit = Math.Max(_touched[region], _used[region]);
            for (nint offset = 0; offset < limit; offset += 8)
            {
                var address = _base + (region * RegionBytes) + offset;
                if ((*Note(address) & SharedBit) != 0)
                {
                    offsets.Add(OffsetOf(address));
                }
            }
        }

        return offsets;
    }

    /// <summary>Declares words shared before they are seen to be.</summary>
    internal void Share(IEnumerable<long> offsets)
    {
        foreach (var offset in offsets.Where(static offset => offset >= 0 && offset < DataBytes))
        {
            *Note(AddressAt((nint)offset)) |= SharedBit;
            var region = offset / RegionBytes;
            _touched[region] = Math.Max(_touched[region], (nint)(offset % RegionBytes) + 8);
        }
    }

    private static InvalidOperationException TooMuch() => new($"A thread of an explored program has {RegionBytes >> 20} MiB of shared memory in all.");

    private static nint Reserve(nint wanted, nint bytes)
    {
        if (OperatingSystem.IsLinux())
        {
            const int ReadWrite = 3;
            const int PrivateAnonymousUnreservedFixed = 0x2 | 0x20 | 0x4000 | 0x100000;

            // SAFETY: the kernel is asked for a place where nothing is, and refuses or goes elsewhere where something is; the mapping is zero.
            var address = Map(wanted, (nuint)bytes, ReadWrite, PrivateAnonymousUnreservedFixed, -1, 0);
            if (address == wanted)
            {
                return address;
            }
        }

        // Elsewhere addresses differ between processes, by their base only: everything that is written down is relative to it.
        // SAFETY: zeroed by the allocator, which need not touch each page for it, and longer by what alignment takes.
        const nint Alignment = 1 << 21;
        var block = (nint)NativeMemory.AllocZeroed((nuint)(bytes + Alignment));
        return (block + Alignment - 1) & ~(Alignment - 1);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    private static ulong* Note(nint address) => (ulong*)((address & ~7) + DataBytes);
}
