namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>Tests that compare the process's native memory before and after, and so run beside nothing else.</summary>
[CollectionDefinition(nameof(LegacyCollection), DisableParallelization = true)]
public sealed class LegacyCollection;
