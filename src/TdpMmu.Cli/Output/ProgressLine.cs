using System.Globalization;

namespace TdpMmu.Cli.Output;

/// <summary>One line on a terminal that says how far a long operation is. Without a terminal it does nothing at all.</summary>
/// <remarks>It appears after two seconds and is redrawn twice a second, so that a measurement next to it is not disturbed.</remarks>
internal sealed class ProgressLine : IDisposable
{
    private static readonly TimeSpan s_delay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    private readonly TextWriter _writer;
    private readonly string _label;
    private readonly Func<double> _fractionDone;
    private readonly Timer? _timer;
    private readonly Lock _lock = new();
    private int _drawnLength;
    private bool _isDisposed;

    public ProgressLine(CommandConsole console, string label, Func<double> fractionDone)
    {
        _writer = console.StandardError;
        _label = label;
        _fractionDone = fractionDone;
        _timer = console.ErrorIsTerminal ? new Timer(static line => ((ProgressLine)line!).Draw(), this, s_delay, s_interval) : null;
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_lock)
        {
            // A callback may still be on its way; it finds the line closed and leaves the terminal alone.
            _isDisposed = true;
            if (_drawnLength > 0)
            {
                _writer.Write("\r" + new string(' ', _drawnLength) + "\r");
                _drawnLength = 0;
            }
        }
    }

    private void Draw()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            string line = string.Create(CultureInfo.InvariantCulture, $"{_label}: {Math.Clamp(_fractionDone(), 0, 1) * 100:F0} %");
            _writer.Write("\r" + line.PadRight(_drawnLength));
            _drawnLength = line.Length;
        }
    }
}
