using System.Numerics;
using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>
/// Guest memory from mmap. The base is aligned for large pages and lies between inaccessible guards.
/// <para>
/// Thread-safe except for <see cref="IDisposable.Dispose"/>, which the owner calls once nothing uses the memory any more. Disposing ends an
/// attached <see cref="UserfaultPager"/> first, so that no waiting thread is handed a page of zeros.
/// </para>
/// </summary>
public sealed class MappedMemory : HostMemory
{
    private const ulong TwoMebibytes = 2UL << 20;
    private const ulong OneGibibyte = 1UL << 30;
    private const ulong PopulateChunkBytes = 64UL << 20;
    private const int MaximumTransientFailures = 10_000;

    private readonly AddressReservation _mapping;
    private readonly AddressReservation? _alias;
    private readonly DescriptorHandle? _file;
    private UserfaultPager? _pager;
    private string? _unserved;
    private int _disposed;

    private MappedMemory(AddressReservation mapping, AddressReservation? alias, DescriptorHandle? file, MappedMemoryOptions options)
        : base(new Hva(mapping.Base), options.Length, options.Filling, options.Source)
    {
        _mapping = mapping;
        _alias = alias;
        _file = file;
        Backing = options.Backing;
        PopulatedAtCreation = options.Populate;
        _unserved = options.Filling == PageFilling.Userfault ? "no userfault pager has been started for it" : null;
        DiscardGranularity = options.Backing == MemoryBacking.HugeTlb ? options.HugePageSize : PageGeometry.PageSize;
    }

    /// <summary>What lies below this memory.</summary>
    public MemoryBacking Backing { get; }

    /// <summary>
    /// A second mapping of the same pages, which never raises a userfault: minor-mode handlers write page contents through it before the page
    /// becomes visible at <see cref="HostMemory.BaseAddress"/>. <see langword="null"/> unless the backing is <see cref="MemoryBacking.SharedMemfd"/>.
    /// </summary>
    public Hva? AliasAddress => _alias is null ? null : new Hva(_alias.Base);

    /// <summary>Offsets and lengths of <see cref="Discard"/> are multiples of this many bytes.</summary>
    public ulong DiscardGranularity { get; }

    /// <summary>Maps memory.</summary>
    /// <exception cref="ArgumentException">An option is outside its range or does not go with another.</exception>
    /// <exception cref="HostMemoryException">The host refused; the message says what was asked and what to change.</exception>
    /// <exception cref="PlatformNotSupportedException">The host's pages are not of 4096 bytes.</exception>
    public static MappedMemory Create(MappedMemoryOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Validate(options);
        if ((ulong)Environment.SystemPageSize != PageGeometry.PageSize)
        {
            throw new PlatformNotSupportedException($"This host has pages of {Environment.SystemPageSize} bytes; guest memory is kept in pages of {PageGeometry.PageSize}.");
        }

        ulong alignment = options.Alignment != 0 ? options.Alignment : options.Length >= OneGibibyte ? OneGibibyte : TwoMebibytes;
        if (options.Backing == MemoryBacking.HugeTlb)
        {
            alignment = Math.Max(alignment, options.HugePageSize);
        }

        AddressReservation? mapping = null;
        AddressReservation? alias = null;
        DescriptorHandle? file = null;
        try
        {
            mapping = AddressReservation.Create(options.Length, alignment);
            int flags;
            if (options.Backing == MemoryBacking.SharedMemfd)
            {
                file = CreateFile(options.Length);
                flags = MapConstants.Shared | MapConstants.NoReserve;
                alias = AddressReservation.Create(options.Length, alignment);
                Fill(alias, options, flags, file.Number);
            }
            else if (options.Backing == MemoryBacking.HugeTlb)
            {
                flags = MapConstants.Private | MapConstants.Anonymous | MapConstants.HugeTlb
                    | (BitOperations.Log2(options.HugePageSize) << MapConstants.HugeShift);
            }
            else
            {
                flags = MapConstants.Private | MapConstants.Anonymous | MapConstants.NoReserve;
            }

            Fill(mapping, options, flags, file?.Number ?? -1);
            var memory = new MappedMemory(mapping, alias, file, options) { PopulateUnit = options.PopulateUnit };
            if (options.Populate)
            {
                try
                {
                    memory.PopulateAtCreation();
                }
                catch
                {
                    memory.Dispose();
                    throw;
                }
            }

            return memory;
        }
        catch
        {
            mapping?.Dispose();
            alias?.Dispose();
            file?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Blocks inside a system call, so that a collection can run meanwhile. <paramref name="offset"/> is a multiple of 4096, and so is
    /// <paramref name="length"/>.
    /// </remarks>
    public override void Populate(ulong offset, ulong length, bool write)
    {
        CheckRange(offset, length, PageGeometry.PageSize);
        if (Volatile.Read(ref _unserved) is { } reason)
        {
            // The kernel would fill the page with zeros, and nobody would ever publish it.
            throw new HostMemoryException($"Demand-paged memory cannot be populated: {reason}.");
        }

        PopulateAt(_mapping.Base, offset, length, write);
    }

    /// <inheritdoc/>
    /// <remarks><paramref name="offset"/> and <paramref name="length"/> are multiples of <see cref="DiscardGranularity"/>.</remarks>
    public override void Discard(ulong offset, ulong length)
    {
        CheckRange(offset, length, DiscardGranularity);
        if (length == 0)
        {
            return;
        }

        IsBacked = false;
        int result = _file is null
            ? LibC.MemoryAdvise((nint)(_mapping.Base + offset), (nuint)length, Advice.DontNeed)
            : LibC.Allocate(_file.Number, MapConstants.FallocatePunchHole | MapConstants.FallocateKeepSize, (long)offset, (long)length);
        if (result != 0)
        {
            throw HostErrors.FromLastCall(
                _file is null ? "madvise(MADV_DONTNEED)" : "fallocate(FALLOC_FL_PUNCH_HOLE)",
                $"giving back {length} bytes at offset 0x{offset:x}");
        }
    }

    internal bool PopulatedAtCreation { get; }

    /// <summary>Binds a pager to this memory's life. One at a time.</summary>
    internal void Attach(UserfaultPager pager)
    {
        if (Interlocked.CompareExchange(ref _pager, pager, null) is not null)
        {
            throw new InvalidOperationException("This memory already has a userfault pager.");
        }
    }

    /// <summary>From here on populating a missing page waits for a handler.</summary>
    internal void BeginService() => Volatile.Write(ref _unserved, null);

    /// <summary>From here on populating fails, because nobody would supply the contents.</summary>
    internal void EndService(string reason) => Volatile.Write(ref _unserved, reason);

    internal void Detach(UserfaultPager pager) => Interlocked.CompareExchange(ref _pager, null, pager);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            Volatile.Read(ref _pager)?.Dispose();
            _mapping.Dispose();
            _alias?.Dispose();
            _file?.Dispose();
        }

        base.Dispose(disposing);
    }

    private static void Validate(MappedMemoryOptions options)
    {
        ulong unit = options.Backing == MemoryBacking.HugeTlb ? options.HugePageSize : PageGeometry.PageSize;
        if (!Enum.IsDefined(options.Backing))
        {
            throw new ArgumentException($"{options.Backing} is not a backing of guest memory.", nameof(options));
        }

        if (!BitOperations.IsPow2(options.HugePageSize) || options.HugePageSize < PageGeometry.PageSize)
        {
            throw new ArgumentException($"A huge page size is a power of two; {options.HugePageSize} bytes is not.", nameof(options));
        }

        if (options.Length == 0 || options.Length % unit != 0 || options.Length > 1UL << 46)
        {
            throw new ArgumentException($"The length of guest memory is a multiple of {unit} bytes from {unit} to 2^46; {options.Length} is not.", nameof(options));
        }

        if (options.Alignment != 0 && (!BitOperations.IsPow2(options.Alignment) || options.Alignment < PageGeometry.PageSize || options.Alignment > 1UL << 40))
        {
            throw new ArgumentException($"An alignment is a power of two from 4096 to 2^40; {options.Alignment} is not.", nameof(options));
        }

        if (options.Filling == PageFilling.Userfault && options.Backing == MemoryBacking.HugeTlb)
        {
            throw new ArgumentException("Pages from the huge page pool are not demand-paged: use anonymous or memfd memory with a userfault pager.", nameof(options));
        }

        if (options.Filling == PageFilling.Userfault && options.Backing == MemoryBacking.Anonymous && options.Populate)
        {
            throw new ArgumentException("Anonymous userfault memory cannot be populated at creation: each of its pages would be present, and none would fault.", nameof(options));
        }
    }

    // SAFETY: the name is a constant that ends in a zero byte.
    private static unsafe DescriptorHandle CreateFile(ulong length)
    {
        int descriptor;
        fixed (byte* name = "tdpmmu-guest-memory\0"u8)
        {
            descriptor = LibC.CreateMemoryFile(name, MapConstants.MemoryFileCloseOnExec);
        }

        if (descriptor < 0)
        {
            throw HostErrors.FromLastCall("memfd_create", "a file for shared guest memory");
        }

        var file = new DescriptorHandle(descriptor);
        if (LibC.Truncate(descriptor, (long)length) != 0)
        {
            HostMemoryException failure = HostErrors.FromLastCall("ftruncate", $"{length} bytes of shared guest memory");
            file.Dispose();
            throw failure;
        }

        return file;
    }

    private static void Fill(AddressReservation reservation, MappedMemoryOptions options, int flags, int descriptor)
    {
        int errno = reservation.Fill(options.Length, flags, descriptor);
        if (errno != 0)
        {
            throw HostErrors.Create(errno, "mmap", $"{options.Length} bytes of {options.Backing} guest memory", Remedy(options, errno));
        }

        if (options.Backing != MemoryBacking.HugeTlb)
        {
            int advice = options.TransparentHugePages ? Advice.HugePage : Advice.NoHugePage;
            if (LibC.MemoryAdvise((nint)reservation.Base, (nuint)options.Length, advice) != 0)
            {
                int refused = Marshal.GetLastPInvokeError();

                // A kernel without transparent huge pages answers EINVAL to both: not wanting them is then granted already.
                if (options.TransparentHugePages || refused != Errno.EINVAL)
                {
                    throw HostErrors.Create(
                        refused,
                        options.TransparentHugePages ? "madvise(MADV_HUGEPAGE)" : "madvise(MADV_NOHUGEPAGE)",
                        $"{options.Length} bytes of guest memory",
                        "Transparent huge pages are a build option of the kernel; run without them.");
                }
            }
        }
    }

    private static string? Remedy(MappedMemoryOptions options, int errno)
    {
        if (options.Backing != MemoryBacking.HugeTlb)
        {
            return errno == Errno.ENOMEM ? "The process is out of address space or mappings: look at vm.max_map_count and RLIMIT_AS." : null;
        }

        ulong kibibytes = options.HugePageSize >> 10;
        ulong pages = options.Length / options.HugePageSize;
        return errno == Errno.ENOMEM
            ? $"The pool of {kibibytes} kB huge pages is too small: as root, write at least {pages} more than are in use to "
                + $"/sys/kernel/mm/hugepages/hugepages-{kibibytes}kB/nr_hugepages."
            : $"This kernel may have no huge pages of {kibibytes} kB: see the directories in /sys/kernel/mm/hugepages.";
    }

    private static void PopulateAt(ulong start, ulong offset, ulong length, bool write)
    {
        int advice = write ? Advice.PopulateWrite : Advice.PopulateRead;
        int transient = 0;
        while (length != 0)
        {
            ulong chunk = Math.Min(length, PopulateChunkBytes);
            if (LibC.MemoryAdvise((nint)(start + offset), (nuint)chunk, advice) == 0)
            {
                offset += chunk;
                length -= chunk;
                continue;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EINTR)
            {
                continue;
            }

            if (errno == Errno.EAGAIN && ++transient < MaximumTransientFailures)
            {
                Thread.Yield();
                continue;
            }

            throw PopulateFailure(errno, offset, chunk, write);
        }
    }

    private static HostMemoryException PopulateFailure(int errno, ulong offset, ulong length, bool write) => HostErrors.Create(
        errno,
        write ? "madvise(MADV_POPULATE_WRITE)" : "madvise(MADV_POPULATE_READ)",
        $"{length} bytes at offset 0x{offset:x}",
        errno switch
        {
            Errno.EINVAL => "Population by madvise needs Linux 5.14 or later.",
            Errno.EFAULT or Errno.EHWPOISON => "A page in this range is poisoned: its contents are lost or could not be supplied.",
            Errno.ENOMEM => "The host has no memory left for it, or the control group's limit is reached.",
            _ => null,
        });

    private void PopulateAtCreation()
    {
        // Minor faults want the file's pages allocated but not mapped where the guest looks.
        ulong start = Filling == PageFilling.Userfault ? _alias!.Base : _mapping.Base;
        PopulateAt(start, 0, Length, write: true);
        IsBacked = Filling != PageFilling.Userfault;
    }

    private void CheckRange(ulong offset, ulong length, ulong granularity)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (((offset | length) & (granularity - 1)) != 0)
        {
            throw new ArgumentException($"Offset 0x{offset:x} and length 0x{length:x} are not both multiples of {granularity} bytes.", nameof(offset));
        }

        if (offset > Length || length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"The range 0x{offset:x}+0x{length:x} ends past the memory's length of 0x{Length:x} bytes.");
        }
    }
}
