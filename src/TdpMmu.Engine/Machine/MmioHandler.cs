namespace TdpMmu;

/// <summary>Emulates an access to a guest physical address that has no memory.</summary>
/// <param name="vcpu">The vCPU, which is stopped at the access. Slots may be added and deleted from here.</param>
/// <param name="address">The first byte.</param>
/// <param name="data">What the guest writes, or where its reading goes: 1 to 4,096 bytes within a page. Not to be kept.</param>
/// <param name="isWrite">Whether the guest writes.</param>
public delegate void MmioHandler(Vcpu vcpu, Gpa address, Span<byte> data, bool isWrite);
