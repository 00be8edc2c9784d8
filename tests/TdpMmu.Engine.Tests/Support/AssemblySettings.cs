// Leak checks compare totals of the process, and stress tests want the processors for themselves.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
