using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>
/// Owns one file descriptor. Loops take a reference once for their lifetime and use the number, because a handle in each call costs two locked
/// operations on a shared line.
/// </summary>
internal sealed class DescriptorHandle : SafeHandle
{
    internal DescriptorHandle(int descriptor)
        : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        LiveResources.DescriptorAdded();
    }

    public override bool IsInvalid => handle < 0;

    /// <summary>The number; valid only while the caller knows that the handle is open.</summary>
    internal int Number => (int)handle;

    /// <summary>Creates an eventfd that a handler polls beside its own descriptor.</summary>
    internal static DescriptorHandle CreateEvent()
    {
        int descriptor = LibC.CreateEvent(0, MapConstants.OpenCloseOnExec | MapConstants.OpenNonBlocking);
        return descriptor >= 0
            ? new DescriptorHandle(descriptor)
            : throw HostErrors.FromLastCall("eventfd", "an event descriptor for stopping a fault handler");
    }

    /// <summary>Makes an eventfd readable for good.</summary>
    // SAFETY: the buffer is a local that outlives the call.
    internal unsafe void Signal()
    {
        bool referenced = false;
        try
        {
            DangerousAddRef(ref referenced);
            ulong one = 1;
            while (LibC.Write(Number, &one, sizeof(ulong)) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EAGAIN)
                {
                    return;
                }

                if (errno != Errno.EINTR)
                {
                    throw HostErrors.Create(errno, "write", "the stop event of a fault handler");
                }
            }
        }
        finally
        {
            if (referenced)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle()
    {
        LiveResources.DescriptorRemoved();
        return LibC.Close((int)handle) == 0;
    }
}
