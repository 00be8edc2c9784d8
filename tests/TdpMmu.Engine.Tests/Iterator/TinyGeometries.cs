using TdpMmu.Formats;

namespace TdpMmu.Engine.Tests.Iterator;

/// <summary>Three levels of four entries: 64 frames.</summary>
internal readonly struct ThreeByTwo : IPagingGeometry
{
    public static int Levels => 3;

    public static int IndexBits => 2;
}

/// <summary>Two levels of two entries: 4 frames.</summary>
internal readonly struct TwoByOne : IPagingGeometry
{
    public static int Levels => 2;

    public static int IndexBits => 1;
}
