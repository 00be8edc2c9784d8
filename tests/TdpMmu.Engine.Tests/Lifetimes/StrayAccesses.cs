namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>Accesses through a vCPU from outside its program.</summary>
internal static class StrayAccesses
{
    /// <summary>Makes one of each kind, all of which must be refused.</summary>
    internal static void Fail<T>(Vcpu vcpu, Gpa address)
        where T : Exception
    {
        Assert.Throws<T>(() => vcpu.Load<long>(address));
        Assert.Throws<T>(() => vcpu.Load<long>(address.Plus(4092)));
        Assert.Throws<T>(() => vcpu.Store(address, 9L));
        Assert.Throws<T>(() => vcpu.Store(address.Plus(4092), 9L));
        Assert.Throws<T>(() => vcpu.CompareExchange(address, 9L, 5L));
        Assert.Throws<T>(() => vcpu.CompareExchange(address.Plus(4092), 9L, 5L));
        Assert.Throws<T>(() => vcpu.Read(address, new byte[16]));
        Assert.Throws<T>(() => vcpu.Write(address, new byte[16]));
        Assert.Throws<T>(() => vcpu.FetchInstruction(address));
    }
}
