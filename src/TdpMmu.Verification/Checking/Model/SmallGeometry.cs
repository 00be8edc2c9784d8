using TdpMmu.Formats;

namespace TdpMmu.Verification;

/// <summary>Two levels of four entries: the last two levels of the real tables, cut down to 16 frames, with large leaves of four.</summary>
internal readonly struct SmallGeometry : IPagingGeometry
{
    public static int Levels => 2;

    public static int IndexBits => 2;
}
