namespace TdpMmu.Cli.DemandPaging;

/// <summary>
/// Invalidates small ranges of guest memory while all vCPUs read theirs, after the measured run: how long an invalidation takes until the
/// host may act, and the TLB flush in it, belong to what a run reports.
/// </summary>
internal sealed class InvalidationProbe(VirtualMachine machine, DemandPagingOptions options, Gpa baseAddress)
{
    private const int Invalidations = 200;
    private const ulong PagesPerInvalidation = 16;
    private const ulong PagesPerVcpu = 256;

    private volatile bool _ended;

    public void Run(CancellationToken cancellationToken)
    {
        using var ready = new CountdownEvent(options.Vcpus);
        Exception? failure = null;
        var invalidator = new Thread(() =>
        {
            try
            {
                ready.Wait(cancellationToken);
                Invalidate(cancellationToken);
            }
            catch (Exception exception)
            {
                failure = exception;
            }
            finally
            {
                _ended = true;
            }
        })
        { Name = "invalidation probe" };
        invalidator.Start();
        try
        {
            machine.Run(vcpu => Read(vcpu, ready), cancellationToken);
        }
        finally
        {
            _ended = true;
            while (!ready.IsSet)
            {
                ready.Signal();
            }

            invalidator.Join();
        }

        if (failure is not null and not OperationCanceledException)
        {
            throw new TdpMmuException("The invalidation probe failed: " + failure.Message, failure);
        }
    }

    private void Invalidate(CancellationToken cancellationToken)
    {
        for (int number = 0; number < Invalidations; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            (ulong first, ulong count) = options.PagesOf(number % options.Vcpus);
            ulong pages = Math.Min(PagesPerInvalidation, count);
            ulong offset = (ulong)number * PagesPerInvalidation % (count - pages + 1);
            using InvalidationScope invalidation = machine.BeginInvalidation(new GfnRange(baseAddress.Frame.Plus(first + offset), pages));
        }
    }

    private void Read(Vcpu vcpu, CountdownEvent ready)
    {
        (ulong first, ulong count) = options.PagesOf(vcpu.Index);
        ulong pages = Math.Min(PagesPerVcpu, count);
        bool signalled = false;
        while (!_ended)
        {
            for (ulong page = 0; page < pages && !_ended; page++)
            {
                _ = vcpu.Load<ulong>(baseAddress.Plus((first + page) * PageGeometry.PageSize));
            }

            if (!signalled)
            {
                signalled = true;
                ready.Signal();
            }
        }
    }
}
