using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>
/// One userfaultfd descriptor. Events other than page faults are not enabled: a change of the address space made behind the library's back is not
/// reported here.
/// <para>Thread-safe; the caller keeps it from being disposed during a call.</para>
/// </summary>
// SAFETY: each ioctl gets a local argument block of the kernel's size that outlives the call; the addresses inside are checked by the kernel, which
// answers with an error number and never with a trap.
internal sealed unsafe class Userfaultfd : IDisposable
{
    private const int CloseOnExec = MapConstants.OpenCloseOnExec;
    private const int NonBlocking = MapConstants.OpenNonBlocking;

    private readonly DescriptorHandle _handle;

    private Userfaultfd(DescriptorHandle handle, UserfaultOrigin origin, UserfaultFeatures offered, UserfaultFeatures enabled)
    {
        _handle = handle;
        Origin = origin;
        Offered = offered;
        Enabled = enabled;
    }

    internal UserfaultOrigin Origin { get; }

    /// <summary>What the kernel offers, whether it was asked for or not.</summary>
    internal UserfaultFeatures Offered { get; }

    /// <summary>What this descriptor was opened with.</summary>
    internal UserfaultFeatures Enabled { get; }

    internal bool CanPoison => Enabled.HasFlag(UserfaultFeatures.Poison);

    internal DescriptorHandle Handle => _handle;

    private int Number => _handle.Number;

    /// <summary>
    /// Opens a descriptor with the features that are required and those that are wanted and offered. Features are asked for with a first
    /// descriptor, because the handshake of one descriptor happens only once.
    /// </summary>
    /// <exception cref="HostMemoryException">Not permitted, not there, or a required feature is missing.</exception>
    internal static Userfaultfd Open(UserfaultFeatures required, UserfaultFeatures wanted = UserfaultFeatures.None)
    {
        UserfaultFeatures offered;
        using (DescriptorHandle probe = OpenDescriptor(out _))
        {
            offered = Handshake(probe, UserfaultFeatures.None);
        }

        UserfaultFeatures lacking = required & ~offered;
        if (lacking != UserfaultFeatures.None)
        {
            throw HostErrors.Create(Errno.EINVAL, "UFFDIO_API", $"userfaultfd features {lacking}", "This kernel does not offer them: minor faults on shared memory need Linux 5.14.");
        }

        UserfaultFeatures enabled = required | (wanted & offered);
        DescriptorHandle handle = OpenDescriptor(out UserfaultOrigin origin);
        try
        {
            Handshake(handle, enabled);
            return new Userfaultfd(handle, origin, offered, enabled);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    internal void Register(ulong address, ulong length, UserfaultRegistration mode)
    {
        UserfaultArguments.Register argument = default;
        argument.Range.Start = address;
        argument.Range.Length = length;
        argument.Mode = (ulong)mode;
        int errno = Control(UserfaultArguments.RegisterRequest, &argument);
        if (errno != 0)
        {
            throw HostErrors.Create(errno, "UFFDIO_REGISTER", $"{mode} faults of {length} bytes at 0x{address:x}", errno switch
            {
                Errno.EINVAL => "The range is not page-aligned, not mapped, or of a kind that cannot raise these faults.",
                Errno.EBUSY => "The range belongs to another userfaultfd descriptor.",
                Errno.ENOMEM => "The process is out of mappings: look at vm.max_map_count.",
                _ => null,
            });
        }
    }

    /// <summary>Ends fault reporting. Waiting threads wake, and from then on missing pages are filled with zeros.</summary>
    /// <returns>False when the range is not registered here any more.</returns>
    internal bool TryUnregister(ulong address, ulong length)
    {
        UserfaultArguments.Range argument = new() { Start = address, Length = length };
        return Control(UserfaultArguments.UnregisterRequest, &argument) == 0;
    }

    /// <summary>Lets threads that wait for pages in the range fault again.</summary>
    /// <returns>0, or the error number.</returns>
    internal int Wake(ulong address, ulong length)
    {
        UserfaultArguments.Range argument = new() { Start = address, Length = length };
        return Control(UserfaultArguments.WakeRequest, &argument);
    }

    /// <summary>Copies bytes into missing pages, going on after a partial copy.</summary>
    /// <returns>0; EEXIST when a page was there already (its first contents stay, and the pages after it are untouched); or another error number.</returns>
    internal int Copy(ulong destination, void* source, ulong length, bool wake)
    {
        ulong done = 0;
        while (done < length)
        {
            UserfaultArguments.Copy argument = new()
            {
                Destination = destination + done,
                Source = (ulong)source + done,
                Length = length - done,
                Mode = wake ? 0 : UserfaultArguments.DoNotWake,
            };
            int errno = Control(UserfaultArguments.CopyRequest, &argument);
            if (errno == 0)
            {
                return 0;
            }

            if (errno != Errno.EAGAIN)
            {
                return errno;
            }

            done += Progress(argument.Copied);
        }

        return 0;
    }

    /// <summary>Maps zeros into missing pages. Slower than a copy when the fault was a write, since the shared zero page is then copied at once.</summary>
    /// <returns>0, EEXIST as for <see cref="Copy"/>, or another error number.</returns>
    internal int ZeroPage(ulong address, ulong length, bool wake, out ulong done) =>
        ResolveRange(UserfaultArguments.ZeroPageRequest, address, length, wake, out done);

    /// <summary>Maps pages whose contents already lie in the shared file.</summary>
    /// <returns>0, EEXIST as for <see cref="Copy"/>, EFAULT when the file has no such page, or another error number.</returns>
    internal int Continue(ulong address, ulong length, bool wake, out ulong done) =>
        ResolveRange(UserfaultArguments.ContinueRequest, address, length, wake, out done);

    /// <summary>Makes missing pages fail loudly: a later population is refused and a raw access traps.</summary>
    /// <returns>0, EEXIST as for <see cref="Copy"/>, or another error number.</returns>
    internal int Poison(ulong address, ulong length, bool wake, out ulong done) =>
        ResolveRange(UserfaultArguments.PoisonRequest, address, length, wake, out done);

    /// <summary>
    /// Poisons whatever is missing in a range and leaves alone what is present or no longer registered. Wakes nobody.
    /// </summary>
    /// <returns>False where the kernel has no UFFDIO_POISON, or lost the descriptor.</returns>
    internal bool PoisonMissing(ulong address, ulong length)
    {
        if (!CanPoison)
        {
            return false;
        }

        ulong offset = 0;
        bool whole = true;
        while (offset < length)
        {
            int errno = Poison(address + offset, whole ? length - offset : PageGeometry.PageSize, wake: false, out ulong done);
            offset += done;
            switch (errno)
            {
                case 0:
                    break;
                case Errno.EEXIST:
                    offset += PageGeometry.PageSize;
                    break;
                case Errno.ENOENT when whole:
                    // Part of the range was mapped anew. The kernel refuses the range as a whole, so it is done page by page.
                    whole = false;
                    break;
                case Errno.ENOENT:
                    offset += PageGeometry.PageSize;
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>Opens a descriptor without the handshake.</summary>
    internal static DescriptorHandle OpenDescriptor(out UserfaultOrigin origin)
    {
        nint descriptor = LibC.SystemCall(SystemCallNumbers.Userfaultfd, CloseOnExec | NonBlocking, 0, 0);
        if (descriptor >= 0)
        {
            origin = UserfaultOrigin.SystemCall;
            return new DescriptorHandle((int)descriptor);
        }

        int refused = Marshal.GetLastPInvokeError();
        if (refused != Errno.EPERM)
        {
            throw HostErrors.Create(refused, "userfaultfd", "a descriptor for page faults", refused switch
            {
                Errno.ENOSYS => "This kernel is built without userfaultfd: use a page source that runs in the faulting thread.",
                Errno.EMFILE => "The process is out of descriptors: raise RLIMIT_NOFILE (ulimit -n), or share one descriptor.",
                _ => null,
            });
        }

        origin = UserfaultOrigin.Device;
        return OpenDevice();
    }

    /// <summary>Opens a descriptor through the device, for which file permissions decide.</summary>
    internal static DescriptorHandle OpenDevice()
    {
        const string Remedy = "As root, set vm.unprivileged_userfaultfd=1 (sysctl), or give this user access to /dev/userfaultfd, or run with "
            + "CAP_SYS_PTRACE. A user-mode-only descriptor would not do: pages are brought in by system calls.";
        int device;
        fixed (byte* path = "/dev/userfaultfd\0"u8)
        {
            device = LibC.Open(path, MapConstants.OpenReadWrite | CloseOnExec);
        }

        if (device < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            throw HostErrors.Create(errno, "open(/dev/userfaultfd)", "a descriptor for page faults, after the system call had answered EPERM", Remedy);
        }

        using var owner = new DescriptorHandle(device);

        // The flags go in the argument's place, by value.
        int descriptor = LibC.IoControl(device, UserfaultArguments.NewDescriptorRequest, (void*)(CloseOnExec | NonBlocking));
        return descriptor >= 0
            ? new DescriptorHandle(descriptor)
            : throw HostErrors.Create(Marshal.GetLastPInvokeError(), "USERFAULTFD_IOC_NEW", "a descriptor for page faults", Remedy);
    }

    private static UserfaultFeatures Handshake(DescriptorHandle handle, UserfaultFeatures features)
    {
        UserfaultArguments.Api argument = new() { Version = UserfaultArguments.ApiVersion, Features = (ulong)features };
        if (LibC.IoControl(handle.Number, UserfaultArguments.ApiRequest, &argument) != 0)
        {
            throw HostErrors.FromLastCall("UFFDIO_API", $"userfaultfd features {features}");
        }

        return (UserfaultFeatures)argument.Features;
    }

    private static ulong Progress(long done)
    {
        if (done > 0)
        {
            return (ulong)done;
        }

        // Another thread changes the address space at this moment; the kernel asks to try again.
        Thread.Yield();
        return 0;
    }

    private int ResolveRange(nuint request, ulong address, ulong length, bool wake, out ulong done)
    {
        done = 0;
        while (done < length)
        {
            UserfaultArguments.Resolve argument = default;
            argument.Range.Start = address + done;
            argument.Range.Length = length - done;
            argument.Mode = wake ? 0 : UserfaultArguments.DoNotWake;
            int errno = Control(request, &argument);
            if (errno == 0)
            {
                done = length;
                return 0;
            }

            if (errno != Errno.EAGAIN)
            {
                return errno;
            }

            done += Progress(argument.Done);
        }

        return 0;
    }

    private int Control(nuint request, void* argument)
    {
        while (LibC.IoControl(Number, request, argument) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR)
            {
                return errno;
            }
        }

        return 0;
    }
}
