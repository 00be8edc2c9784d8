namespace TdpMmu.Linux;

/// <summary>Feature bits of UFFDIO_API.</summary>
[Flags]
internal enum UserfaultFeatures : ulong
{
    None = 0,
    WriteProtectFlag = 1 << 0,
    ForkEvent = 1 << 1,
    RemapEvent = 1 << 2,
    RemoveEvent = 1 << 3,
    MissingHugeTlb = 1 << 4,
    MissingShared = 1 << 5,
    UnmapEvent = 1 << 6,
    BusError = 1 << 7,
    ThreadIdentity = 1 << 8,
    MinorHugeTlb = 1 << 9,
    MinorShared = 1 << 10,
    ExactAddress = 1 << 11,
    WriteProtectHugeTlbShared = 1 << 12,
    WriteProtectUnpopulated = 1 << 13,
    Poison = 1 << 14,
    WriteProtectAsynchronous = 1 << 15,
    Move = 1 << 16,
}
