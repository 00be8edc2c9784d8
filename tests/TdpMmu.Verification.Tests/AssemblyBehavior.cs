// One simulation runs in a process at a time, and its threads share one processor.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
