using System.Globalization;

namespace TdpMmu.Formats;

/// <summary>The 64-bit value of a paging-structure entry, in the bit layout of its format.</summary>
/// <param name="Value">The bits.</param>
internal readonly record struct Spte(ulong Value)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x16}");
}
