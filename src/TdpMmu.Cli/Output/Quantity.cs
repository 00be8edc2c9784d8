using System.Globalization;

namespace TdpMmu.Cli.Output;

/// <summary>Numbers as tables print them. A value that has no meaning is a dash.</summary>
internal static class Quantity
{
    public const string None = "-";

    public static string Count(long? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? None;

    public static string Count(ulong? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? None;

    public static string Seconds(double? value) => value is null ? None : value.Value.ToString("F3", CultureInfo.InvariantCulture) + " s";

    public static string PerSecond(double? value) => value is null ? None : value.Value switch
    {
        >= 1e6 => (value.Value / 1e6).ToString("F2", CultureInfo.InvariantCulture) + " M/s",
        >= 1e3 => (value.Value / 1e3).ToString("F1", CultureInfo.InvariantCulture) + " k/s",
        _ => value.Value.ToString("F0", CultureInfo.InvariantCulture) + " /s",
    };

    public static string Percent(double? fraction)
        => fraction is null ? None : (fraction.Value * 100).ToString(fraction.Value is > 0 and < 0.01 ? "F3" : "F1", CultureInfo.InvariantCulture) + " %";

    public static string Nanoseconds(ulong? value) => value switch
    {
        null => None,
        >= 1_000_000_000 => (value.Value / 1e9).ToString("F2", CultureInfo.InvariantCulture) + " s",
        >= 1_000_000 => (value.Value / 1e6).ToString("F2", CultureInfo.InvariantCulture) + " ms",
        >= 1_000 => (value.Value / 1e3).ToString("F2", CultureInfo.InvariantCulture) + " us",
        _ => value.Value.ToString(CultureInfo.InvariantCulture) + " ns",
    };

    /// <summary>A quotient, or null where it has no meaning: the division would give NaN or infinity, which JSON cannot hold.</summary>
    public static double? Ratio(double numerator, double denominator)
    {
        double ratio = numerator / denominator;
        return double.IsFinite(ratio) ? ratio : null;
    }
}
