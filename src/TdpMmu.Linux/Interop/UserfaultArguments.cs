using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>Argument blocks and request numbers of the userfaultfd ioctls (<c>linux/userfaultfd.h</c>).</summary>
internal static class UserfaultArguments
{
    internal const nuint ApiRequest = 0xC018AA3F;
    internal const nuint RegisterRequest = 0xC020AA00;
    internal const nuint UnregisterRequest = 0x8010AA01;
    internal const nuint WakeRequest = 0x8010AA02;
    internal const nuint CopyRequest = 0xC028AA03;
    internal const nuint ZeroPageRequest = 0xC020AA04;
    internal const nuint ContinueRequest = 0xC020AA07;
    internal const nuint PoisonRequest = 0xC020AA08;
    internal const nuint NewDescriptorRequest = 0xAA00;

    internal const ulong ApiVersion = 0xAA;
    internal const ulong DoNotWake = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct Api
    {
        internal ulong Version;
        internal ulong Features;
        internal ulong Requests;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Range
    {
        internal ulong Start;
        internal ulong Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Register
    {
        internal Range Range;
        internal ulong Mode;
        internal ulong Requests;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Copy
    {
        internal ulong Destination;
        internal ulong Source;
        internal ulong Length;
        internal ulong Mode;
        internal long Copied;
    }

    /// <summary>UFFDIO_ZEROPAGE, UFFDIO_CONTINUE and UFFDIO_POISON share this shape.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Resolve
    {
        internal Range Range;
        internal ulong Mode;
        internal long Done;
    }
}
