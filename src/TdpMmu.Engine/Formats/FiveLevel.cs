namespace TdpMmu.Formats;

/// <summary>Five levels: 57 bits of guest physical address, of which 52 exist.</summary>
internal readonly struct FiveLevel : IPagingGeometry
{
    public static int Levels => 5;

    public static int IndexBits => PageGeometry.IndexBits;
}
