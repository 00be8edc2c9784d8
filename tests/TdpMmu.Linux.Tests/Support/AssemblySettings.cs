// Tests count the library's live mappings and descriptors, so they run one after another.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
