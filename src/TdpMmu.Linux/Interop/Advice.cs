namespace TdpMmu.Linux;

/// <summary>The advice values of madvise that this library uses.</summary>
internal static class Advice
{
    internal const int DontNeed = 4;
    internal const int HugePage = 14;
    internal const int NoHugePage = 15;
    internal const int PopulateRead = 22;
    internal const int PopulateWrite = 23;
}
