namespace TdpMmu.Linux;

/// <summary>How a userfaultfd descriptor was obtained.</summary>
internal enum UserfaultOrigin
{
    SystemCall,
    Device,
}
