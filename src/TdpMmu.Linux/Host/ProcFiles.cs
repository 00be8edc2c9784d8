using System.Globalization;

namespace TdpMmu.Linux;

/// <summary>Reads the small text files of procfs and sysfs; what is not there or not readable is <see langword="null"/>.</summary>
internal static class ProcFiles
{
    internal static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static ulong? Number(string path) =>
        ulong.TryParse(Text(path), NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;

    /// <summary>The value of a <c>Key: value</c> line.</summary>
    internal static string? Field(string path, string key)
    {
        foreach (string line in (Text(path) ?? "").Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line.AsSpan(0, colon).Trim().SequenceEqual(key))
            {
                return line[(colon + 1)..].Trim();
            }
        }

        return null;
    }

    /// <summary>The bytes of a <c>Key: n kB</c> line.</summary>
    internal static ulong? Kibibytes(string path, string key)
    {
        string? field = Field(path, key);
        return field is not null && ulong.TryParse(field.Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value << 10 : null;
    }

    internal static int CountLines(string path) => (Text(path) ?? "").Count(character => character == '\n') + 1;

    internal static int CountEntries(string directory)
    {
        try
        {
            return Directory.EnumerateFileSystemEntries(directory).Count();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
