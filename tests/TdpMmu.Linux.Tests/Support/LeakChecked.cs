namespace TdpMmu.Linux.Tests;

/// <summary>Base of tests that must give back every mapping and descriptor.</summary>
public abstract class LeakChecked : IDisposable
{
    private readonly long _mappings = LiveResources.Mappings;
    private readonly long _descriptors = LiveResources.Descriptors;

    public void Dispose()
    {
        Assert.Equal(_mappings, LiveResources.Mappings);
        Assert.Equal(_descriptors, LiveResources.Descriptors);
        GC.SuppressFinalize(this);
    }
}
