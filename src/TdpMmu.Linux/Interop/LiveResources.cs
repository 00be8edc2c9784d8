namespace TdpMmu.Linux;

/// <summary>How many mappings and descriptors this library holds at the moment; zero again once everything is disposed. Thread-safe.</summary>
internal static class LiveResources
{
    private static long s_mappings;
    private static long s_descriptors;

    internal static long Mappings => Interlocked.Read(ref s_mappings);

    internal static long Descriptors => Interlocked.Read(ref s_descriptors);

    internal static void MappingAdded() => Interlocked.Increment(ref s_mappings);

    internal static void MappingRemoved() => Interlocked.Decrement(ref s_mappings);

    internal static void DescriptorAdded() => Interlocked.Increment(ref s_descriptors);

    internal static void DescriptorRemoved() => Interlocked.Decrement(ref s_descriptors);
}
