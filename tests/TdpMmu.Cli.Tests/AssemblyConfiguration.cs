// The verbs pin threads and count what is left of descriptors and mappings in the process: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
