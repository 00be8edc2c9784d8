using System.Text;

namespace TdpMmu.Interleaving.Tests;

/// <summary>
/// What a run did: a hash over all steps and the last steps themselves. Addresses are numbered in the order of their first
/// use, so that two runs of one seed agree although their memory lies elsewhere.
/// </summary>
internal sealed class Trace
{
    private const int Kept = 256;
    private readonly Dictionary<nint, int> _locations = [];
    private readonly (LogicalThread Thread, string Operation, int Location, ulong Value)[] _last = new (LogicalThread, string, int, ulong)[Kept];

    internal ulong Hash { get; private set; } = 14695981039346656037;

    internal long Steps { get; private set; }

    internal void Add(LogicalThread thread, string operation, nint address, ulong value)
    {
        var location = address == 0 ? -1 : Number(address);
        _last[Steps++ % Kept] = (thread, operation, location, value);
        Mix((uint)thread.Id);
        Mix((uint)operation.Length ^ ((ulong)operation[0] << 8) ^ ((ulong)operation[^1] << 16));
        Mix((ulong)location);

        // Larger values may be addresses, which differ from run to run.
        Mix(value <= uint.MaxValue ? value : uint.MaxValue);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var step = Math.Max(0, Steps - Kept); step < Steps; step++)
        {
            var (thread, operation, location, value) = _last[step % Kept];
            text.Append($"{step,6}  {thread.Name,-10} {operation,-10}");
            text.AppendLine(location >= 0 ? $" w{location,-3} 0x{value:x}" : string.Empty);
        }

        return text.ToString();
    }

    private int Number(nint address)
    {
        if (!_locations.TryGetValue(address, out var number))
        {
            number = _locations.Count;
            _locations.Add(address, number);
        }

        return number;
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 1099511628211;
}
