using System.Runtime.ExceptionServices;

namespace TdpMmu.Concurrency;

/// <summary>A controlled thread that is a thread of the operating system.</summary>
internal sealed class OperatingSystemThread : ControlledThread
{
    private readonly Thread _thread;
    private readonly Action _body;
    private ExceptionDispatchInfo? _failure;

    internal OperatingSystemThread(string name, Action body)
    {
        _body = body;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    public override bool Join(TimeSpan timeout)
    {
        if (!_thread.Join(timeout))
        {
            return false;
        }

        Interlocked.Exchange(ref _failure, null)?.Throw();
        return true;
    }

    private void Run()
    {
        try
        {
            _body();
        }
#pragma warning disable CA1031 // Whatever ends the body reaches the thread that joins it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure = ExceptionDispatchInfo.Capture(exception);
        }
    }
}
