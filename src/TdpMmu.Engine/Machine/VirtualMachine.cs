using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Direct;
using TdpMmu.Formats;
using TdpMmu.Legacy;
using TdpMmu.Machine;
using TdpMmu.Translation;

namespace TdpMmu;

/// <summary>A virtual machine's memory: slots of host memory, the MMU that maps them, and the vCPUs that use them.</summary>
/// <remarks>
/// Thread-safe. Operations on slots and memory may run while vCPUs run. Disposing stops the vCPUs first.
/// </remarks>
public sealed unsafe partial class VirtualMachine : IDisposable
{
    private readonly MachineCore _core;
    private readonly Mmu _mmu;
    private readonly Vcpu[] _vcpus;
    private readonly Tlb[] _tlbs;
    private readonly NativeBlock _lifecycleLine;
    private readonly Admission _admission = new();

    static VirtualMachine()
    {
        // Switches are read before any method that uses them is compiled: code that is optimised earlier keeps the check.
        RuntimeHelpers.RunClassConstructor(typeof(Atomics).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(EngineChecks).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(MmuEventSource).TypeHandle);
    }

    /// <summary>Creates a machine without memory.</summary>
    /// <param name="options">What it is made of.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public VirtualMachine(VirtualMachineOptions options)
        : this(options, static (options, core) => CreateMmu(options, core))
    {
    }

    private VirtualMachine(VirtualMachineOptions options, Func<VirtualMachineOptions, MachineCore, Mmu> createMmu)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
        _lifecycleLine = new NativeBlock(NativeBlock.LineBytes);
        var permits = options.RunPermitCount == 0 ? Environment.ProcessorCount : options.RunPermitCount;
        _core = new MachineCore(options.VcpuCount, options.HostLaneCount, permits, options.PageTableLimitBytes);
        try
        {
            _mmu = createMmu(options, _core);
        }
        catch
        {
            _core.Dispose();
            _lifecycleLine.Dispose();
            throw;
        }

        _vcpus = new Vcpu[options.VcpuCount];
        _tlbs = new Tlb[options.VcpuCount];
        for (var index = 0; index < _vcpus.Length; index++)
        {
            _tlbs[index] = new Tlb(options.TlbEntries);
            _vcpus[index] = new Vcpu(this, _core, _mmu, index, _tlbs[index]);
        }

        _core.Permits.Start();
    }

    /// <summary>What the machine was made of.</summary>
    public VirtualMachineOptions Options { get; }

    /// <summary>The vCPUs.</summary>
    public IReadOnlyList<Vcpu> Vcpus => _vcpus;

    /// <summary>The slots at this moment, in no order.</summary>
    public IReadOnlyList<MemorySlot> Slots
    {
        get
        {
            using var admitted = Admit();
            _core.Slots.Gate.Enter();
            try
            {
                return [.. _core.Slots.All];
            }
            finally
            {
                _core.Slots.Gate.Exit();
            }
        }
    }

    internal MachineCore Core => _core;

    internal Mmu Mmu => _mmu;

    internal Admission Admission => _admission;

    /// <summary>Creates a machine with a lock policy of one's own; <see cref="VirtualMachineOptions.Lock"/> is not looked at.</summary>
    /// <typeparam name="TLock">The policy.</typeparam>
    /// <param name="options">What the machine is made of; <see cref="VirtualMachineOptions.Mmu"/> must be direct.</param>
    /// <exception cref="ArgumentException">The options ask for the legacy MMU, which has a lock of its own.</exception>
    public static VirtualMachine CreateWithLock<TLock>(VirtualMachineOptions options)
        where TLock : struct, IMmuLock<TLock>
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Mmu != MmuKind.Direct)
        {
            throw new ArgumentException("A lock policy is a parameter of the direct MMU; the legacy MMU has one lock of its own.", nameof(options));
        }

        return new VirtualMachine(options, static (options, core) => CreateDirect<TLock>(options.Format, core));
    }

    /// <summary>Creates a machine of a format that is not among the public ones: reduced geometries for exhaustive checking.</summary>
    internal static VirtualMachine CreateWith<TFormat, TLock>(VirtualMachineOptions options)
        where TFormat : struct, IPagingFormat
        where TLock : struct, IMmuLock<TLock> => new(options, static (_, core) => new DirectMmu<TFormat, TLock>(core));

    /// <summary>Keeps the memory's contents at this moment, to go back to them. vCPUs must not be running.</summary>
    /// <exception cref="InvalidOperationException">A vCPU is running.</exception>
    public MachineSnapshot TakeSnapshot() => new(this);

    /// <summary>What the machine has counted.</summary>
    public VirtualMachineStatistics GetStatistics()
    {
        using var admitted = Admit();
        return new VirtualMachineStatistics(_core, _mmu, Slots.Select(static slot => slot.Memory).Distinct().Sum(static memory => memory.States.Bytes));
    }

    /// <summary>Stops the vCPUs and releases tables and lines. Host memory stays with its owner, who disposes it afterwards.</summary>
    /// <exception cref="InvalidOperationException">Called from a guest program.</exception>
    public void Dispose()
    {
        if (IsRunningHere)
        {
            throw new InvalidOperationException("A machine cannot be disposed from a program that runs on it.");
        }

        if (!_admission.TryClose())
        {
            return;
        }

        // Whatever blocks looks at one of these sooner or later, and then everybody who was let in leaves.
        _core.CancelBlocking();
        _core.Raise(MachineConditions.Stopping);
        _admission.AwaitEmpty();
        _mmu.Dispose();
        foreach (var tlb in _tlbs)
        {
            tlb.Dispose();
        }

        _core.Dispose();
        _lifecycleLine.Dispose();
    }

    /// <summary>Keeps the vCPUs from running for the length of an operation.</summary>
    /// <exception cref="InvalidOperationException">One is running.</exception>
    internal HeldVcpus HoldVcpus()
    {
        _ = Admit();
        return new HeldVcpus(_core.Participants, _admission);
    }

    /// <summary>Begins an operation that disposing waits for.</summary>
    /// <exception cref="ObjectDisposedException">The machine is disposed or about to be.</exception>
    /// <exception cref="VirtualMachineBrokenException">The machine is broken.</exception>
    internal Admitted Admit()
    {
        ObjectDisposedException.ThrowIf(!_admission.TryEnter(), this);
        if (_core.BrokenBecause is not null)
        {
            _admission.Leave();
            _core.ThrowIfBroken();
        }

        return new Admitted(_admission);
    }

    private static Mmu CreateMmu(VirtualMachineOptions options, MachineCore core) => options.Mmu switch
    {
        MmuKind.Legacy => CreateLegacy(options.Format, core),
        _ => options.Lock switch
        {
            LockPolicyKind.Monolithic => CreateDirect<MonolithicLock>(options.Format, core),
            LockPolicyKind.ReadWrite => CreateDirect<ReadWriteLock>(options.Format, core),
            _ => CreateDirect<RcuLock>(options.Format, core),
        },
    };

    private static Mmu CreateDirect<TLock>(PagingFormatKind format, MachineCore core)
        where TLock : struct, IMmuLock<TLock> => format switch
        {
            PagingFormatKind.Ept5 => new DirectMmu<Ept<FiveLevel>, TLock>(core),
            PagingFormatKind.Npt => new DirectMmu<Npt<FourLevel>, TLock>(core),
            PagingFormatKind.Npt5 => new DirectMmu<Npt<FiveLevel>, TLock>(core),
            _ => new DirectMmu<Ept<FourLevel>, TLock>(core),
        };

    private static Mmu CreateLegacy(PagingFormatKind format, MachineCore core) => format switch
    {
        PagingFormatKind.Ept5 => new LegacyMmu<Ept<FiveLevel>>(core),
        PagingFormatKind.Npt => new LegacyMmu<Npt<FourLevel>>(core),
        PagingFormatKind.Npt5 => new LegacyMmu<Npt<FiveLevel>>(core),
        _ => new LegacyMmu<Ept<FourLevel>>(core),
    };

    // SAFETY: the machine owns all native memory of its parts and frees it once, after its vCPUs have ended.
}
