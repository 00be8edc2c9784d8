using System.Globalization;

namespace TdpMmu.Cli.Parsing;

/// <summary>Sizes as people write them: a whole number with <c>KiB</c>, <c>MiB</c>, <c>GiB</c> or <c>TiB</c>, or plain bytes.</summary>
internal static class ByteSize
{
    private static readonly (string Suffix, int Shift)[] s_units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

    /// <summary>Parses <paramref name="text"/>; <paramref name="error"/> says what is wrong with it when the result is false.</summary>
    public static bool TryParse(string text, out ulong bytes, out string error)
    {
        bytes = 0;
        error = $"'{text}' is not a size; write a whole number with KiB, MiB, GiB or TiB, for example 64MiB";
        ReadOnlySpan<char> number = text.AsSpan().Trim();
        int shift = 0;
        foreach ((string suffix, int unitShift) in s_units)
        {
            if (number.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                number = number[..^suffix.Length].TrimEnd();
                shift = unitShift;
                break;
            }
        }

        if (number.IsEmpty || number.ContainsAnyExceptInRange('0', '9'))
        {
            return false;
        }

        // Only digits are left, so the one way to fail is a number beyond 64 bits; the shift is checked against the same limit.
        if (!ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) || value > ulong.MaxValue >> shift)
        {
            error = $"'{text}' is more than 64 bits can hold; write a smaller size, for example 64MiB";
            return false;
        }

        bytes = value << shift;
        return true;
    }

    /// <summary>Writes a size with the largest unit that divides it exactly, so that the text parses back to the same number.</summary>
    public static string Exact(ulong bytes)
    {
        foreach ((string suffix, int shift) in s_units)
        {
            if (bytes >> shift != 0 && bytes >> shift << shift == bytes)
            {
                return string.Create(CultureInfo.InvariantCulture, $"{bytes >> shift}{suffix}");
            }
        }

        return "0B";
    }

    /// <summary>Writes a size for reading, rounded to three digits.</summary>
    public static string Rounded(ulong bytes)
    {
        foreach ((string suffix, int shift) in s_units)
        {
            if (bytes >> shift != 0)
            {
                double scaled = bytes / (double)(1UL << shift);
                string format = shift == 0 || scaled >= 100 ? "F0" : scaled >= 10 ? "F1" : "F2";
                return scaled.ToString(format, CultureInfo.InvariantCulture) + " " + suffix;
            }
        }

        return "0 B";
    }
}
