// Native memory is counted for the whole process, and two processors are few: one test at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
