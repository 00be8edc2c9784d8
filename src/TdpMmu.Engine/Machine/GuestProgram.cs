namespace TdpMmu;

/// <summary>What a vCPU runs: guest code written in C#, which reaches memory through the vCPU only.</summary>
/// <param name="vcpu">The vCPU, which belongs to the calling thread.</param>
public delegate void GuestProgram(Vcpu vcpu);
