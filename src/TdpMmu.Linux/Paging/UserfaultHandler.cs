using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>
/// One descriptor, one region and the thread that serves it. A page is published in the page states before its waiters are woken, and it is woken
/// for only afterwards, so that whoever returns from a population finds the page present or poisoned.
/// </summary>
// SAFETY: raw pointers lead to the handler's native block, which outlives the thread, to the stack, and to the memory's alias, which the memory
// unmaps only after the pager has joined this thread. The descriptor number is used between one AddRef and one Release around the thread's life.
internal sealed unsafe class UserfaultHandler : IDisposable
{
    private const int BatchSize = 32;
    private const ulong PageMask = PageGeometry.PageSize - 1;

    private readonly UserfaultPager _pager;
    private readonly MappedMemory _memory;
    private readonly PageStates _states;
    private readonly IPageSource _source;
    private readonly Userfaultfd _descriptor;
    private readonly DescriptorHandle _stop;
    private readonly UserfaultHandlerBlock _block;
    private readonly Thread _thread;
    private readonly CancellationToken _stopping;
    private readonly ulong _base;
    private readonly ulong _alias;
    private readonly int _cpu;
    private bool _sourceLost;

    internal UserfaultHandler(UserfaultPager pager, int region, ulong firstPage, ulong pageCount, int cpu, Userfaultfd descriptor, CancellationToken stopping)
    {
        _pager = pager;
        _memory = pager.Memory;
        _states = _memory.States;
        _source = pager.Source;
        _descriptor = descriptor;
        _base = _memory.BaseAddress.Value;
        _alias = pager.Mode == UserfaultMode.Minor ? _memory.AliasAddress!.Value.Value : 0;
        _cpu = cpu;
        _stopping = stopping;
        Region = region;
        FirstPage = firstPage;
        PageCount = pageCount;
        _stop = DescriptorHandle.CreateEvent();
        _block = new UserfaultHandlerBlock();

        // A foreground thread: ended as a background thread at exit it would close the descriptor under waiters, who would read zeros.
        _thread = new Thread(Run) { Name = $"userfault handler {region}", IsBackground = false };
    }

    internal int Region { get; }

    internal ulong FirstPage { get; }

    internal ulong PageCount { get; }

    internal bool IsCurrentThread => ReferenceEquals(Thread.CurrentThread, _thread);

    internal Userfaultfd Descriptor => _descriptor;

    internal UserfaultPagerStatistics Statistics => _block.Read();

    private ulong RegionStart => _base + (FirstPage * PageGeometry.PageSize);

    private ulong RegionLength => PageCount * PageGeometry.PageSize;

    internal void Start() => _thread.Start();

    internal void RequestStop() => _stop.Signal();

    internal void Join()
    {
        if (!_thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            _thread.Join();
        }
    }

    /// <summary>
    /// Poisons what is missing in the region, first in the page states and then in the kernel, and wakes every waiter. Nobody supplies these pages
    /// any more, and a page of zeros must not pass for one.
    /// </summary>
    internal void LoseMissingPages()
    {
        _states.PoisonMissing(FirstPage, PageCount);

        // Without poison in the kernel the waiters fault again and get zeros, but only as host pages: the states refuse them to every guest. An error
        // means that the descriptor is gone, and its waiters with it.
        _ = _descriptor.PoisonMissing(RegionStart, RegionLength);
        _ = _descriptor.Wake(RegionStart, RegionLength);
    }

    /// <summary>Ends fault reporting for the region, once its missing pages are lost and its thread has ended.</summary>
    internal void Unregister() => _ = _descriptor.TryUnregister(RegionStart, RegionLength);

    /// <summary>Closes what the thread used. The thread is not running.</summary>
    public void Dispose()
    {
        _descriptor.Dispose();
        _stop.Dispose();
        _block.Dispose();
    }

    private void Run()
    {
        bool descriptorHeld = false;
        bool stopHeld = false;
        try
        {
            _descriptor.Handle.DangerousAddRef(ref descriptorHeld);
            _stop.DangerousAddRef(ref stopHeld);
            RunGuarded();
        }
        finally
        {
            if (descriptorHeld)
            {
                _descriptor.Handle.DangerousRelease();
            }

            if (stopHeld)
            {
                _stop.DangerousRelease();
            }
        }
    }

    private void RunGuarded()
    {
        try
        {
            if (_cpu >= 0)
            {
                CpuAffinity.PinCurrentThread(_cpu);
            }

            Serve();
        }
        catch (Exception failure)
        {
            _sourceLost = true;
            LoseMissingPages();
            _pager.ReportFailure(Region, failure);
            ServeLosses();
        }
    }

    /// <summary>After a failure, faults that still arrive (a page discarded later, say) get a poisoned page and never an endless wait.</summary>
    private void ServeLosses()
    {
        try
        {
            Serve();
        }
        catch (Exception)
        {
            // The descriptor itself is gone, and closing it has let the waiters out. The first failure is reported already.
            _memory.EndService("its fault handler lost its userfaultfd descriptor");
            _states.PoisonMissing(FirstPage, PageCount);
        }
    }

    private void Serve()
    {
        PollDescriptor* polled = stackalloc PollDescriptor[2];
        UserfaultMessage* messages = stackalloc UserfaultMessage[BatchSize];
        int descriptor = _descriptor.Handle.Number;
        polled[0] = new PollDescriptor { Descriptor = descriptor, Events = PollDescriptor.Readable };
        polled[1] = new PollDescriptor { Descriptor = _stop.Number, Events = PollDescriptor.Readable };
        while (true)
        {
            if (LibC.Poll(polled, 2, -1) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EINTR)
                {
                    continue;
                }

                throw HostErrors.Create(errno, "poll", "page faults");
            }

            if (polled[1].Returned != 0)
            {
                return;
            }

            if ((polled[0].Returned & (PollDescriptor.Error | PollDescriptor.HangUp | PollDescriptor.Invalid)) != 0)
            {
                throw HostErrors.Create(Errno.EBADF, "poll", "page faults; the userfaultfd descriptor was closed by somebody else");
            }

            nint bytes = LibC.Read(descriptor, messages, (nuint)(BatchSize * sizeof(UserfaultMessage)));
            if (bytes > 0)
            {
                ResolveBatch(messages, (int)bytes / sizeof(UserfaultMessage));
            }
            else
            {
                CheckRead(bytes);
            }
        }
    }

    private static void CheckRead(nint bytes)
    {
        if (bytes == 0)
        {
            throw HostErrors.Create(Errno.EBADF, "read", "page faults; the userfaultfd descriptor was closed by somebody else");
        }

        int errno = Marshal.GetLastPInvokeError();
        if (errno is not (Errno.EAGAIN or Errno.EINTR))
        {
            throw HostErrors.Create(errno, "read", "page faults");
        }
    }

    private void ResolveBatch(UserfaultMessage* messages, int count)
    {
        for (int index = 0; index < count; index++)
        {
            UserfaultMessage* message = messages + index;
            if (message->Event != UserfaultMessage.PageFault || (message->Flags & UserfaultMessage.WriteProtectFlag) != 0)
            {
                throw new InvalidOperationException($"userfaultfd sent event 0x{message->Event:x} with flags 0x{message->Flags:x}, which was not asked for.");
            }

            ulong address = message->Address & ~PageMask;
            ulong page = (address - _base) / PageGeometry.PageSize;
            if (_states.TryClaim(page))
            {
                Fill(page, address);
            }
            else if (_states.Get(page) == PageState.Poisoned)
            {
                Refuse(address);
            }
            else if (_alias != 0 && _states.IsPresent(page))
            {
                // The host took its mapping away but kept the file's page: it is mapped again, or the waiter would fault for ever.
                _descriptor.Continue(address, PageGeometry.PageSize, wake: false, out _);
            }

            // Also for a page that somebody else owns or has published: that waiter then faults again, or goes on.
            int errno = _descriptor.Wake(address, PageGeometry.PageSize);
            if (errno != 0)
            {
                throw HostErrors.Create(errno, "UFFDIO_WAKE", $"the waiters for the page at 0x{address:x}");
            }
        }

        UserfaultHandlerBlock.Counters* own = _block.Own;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        if (own->Batches == 0)
        {
            own->AllocatedBaseline = allocated;
        }

        own->Allocated = allocated;
        own->Messages += count;
        own->Batches++;
    }

    private void Fill(ulong page, ulong address)
    {
        byte* destination = _alias == 0 ? _block.Staging : (byte*)(_alias + (address - _base));
        if (!Fetch(page, destination))
        {
            return;
        }

        int errno = _alias == 0
            ? _descriptor.Copy(address, destination, PageGeometry.PageSize, wake: false)
            : _descriptor.Continue(address, PageGeometry.PageSize, wake: false, out _);

        if (errno == Errno.EFAULT && _alias != 0)
        {
            // The file lost the page to a discard after it was written. Whoever still wants it faults again.
            _states.Abandon(page);
            _block.Own->PagesDropped++;
            return;
        }

        // EEXIST: somebody mapped the page first, and the first contents count.
        if (errno is not (0 or Errno.EEXIST))
        {
            _states.Poison(page);
            throw CannotFill(errno, page, address);
        }

        if (_states.TryPublish(page))
        {
            _block.Own->PagesFilled++;
            return;
        }

        // Discarded while its contents were on the way: what was mapped is stale.
        try
        {
            _memory.Discard(page * PageGeometry.PageSize, PageGeometry.PageSize);
        }
        finally
        {
            _states.Abandon(page);
        }

        _block.Own->PagesDropped++;
    }

    private bool Fetch(ulong page, byte* destination)
    {
        if (_sourceLost)
        {
            Lose(page);
            return false;
        }

        try
        {
            _source.Fetch(page, new Span<byte>(destination, (int)PageGeometry.PageSize), _stopping);
            return true;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            _states.Abandon(page);
            return false;
        }
        catch (Exception failure)
        {
            _pager.ReportSourceFailure(failure);
            Lose(page);
            return false;
        }
    }

    private HostMemoryException CannotFill(int errno, ulong page, ulong address) =>
        HostErrors.Create(errno, _alias == 0 ? "UFFDIO_COPY" : "UFFDIO_CONTINUE", $"page {page} at 0x{address:x}", errno switch
        {
            Errno.ENOENT => "The mapping was changed behind the pager's back.",
            Errno.ESRCH => "The process that owns the memory is ending.",
            Errno.ENOMEM => "The host has no memory left for it, or the control group's limit is reached.",
            _ => null,
        });

    private void Lose(ulong page)
    {
        _states.Poison(page);
        Refuse(_base + (page * PageGeometry.PageSize));
        _block.Own->PagesPoisoned++;
    }

    /// <summary>Lets the waiters for a poisoned page out, with an error where the kernel can.</summary>
    private void Refuse(ulong address)
    {
        // An older kernel has no poison: a page of zeros ends the wait, and the state refuses it to the guest.
        _ = _descriptor.CanPoison
            ? _descriptor.Poison(address, PageGeometry.PageSize, wake: false, out _)
            : _descriptor.ZeroPage(address, PageGeometry.PageSize, wake: false, out _);
    }
}
