namespace TdpMmu.Linux;

/// <summary>Modes of UFFDIO_REGISTER.</summary>
[Flags]
internal enum UserfaultRegistration : ulong
{
    Missing = 1,
    WriteProtect = 2,
    Minor = 4,
}
