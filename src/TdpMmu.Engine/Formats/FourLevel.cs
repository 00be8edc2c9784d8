namespace TdpMmu.Formats;

/// <summary>Four levels: 48 bits of guest physical address.</summary>
internal readonly struct FourLevel : IPagingGeometry
{
    public static int Levels => 4;

    public static int IndexBits => PageGeometry.IndexBits;
}
