using System.Globalization;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Interleaving;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>The replay files of a check. Files that are there already stay as they are.</summary>
/// <param name="folder">Where they go; empty for the current folder.</param>
internal sealed class FindingFiles(string folder = "")
{
    private const int MostNumbers = 10_000;

    private readonly Dictionary<CheckResult, string> _paths = [];
    private readonly Dictionary<CheckResult, string> _failures = [];
    private readonly Lock _gate = new();

    /// <summary>Writes a replay file. A finding whose file cannot be written is a finding all the same: <see cref="FailureOf"/> says why there is none.</summary>
    public void Save(CheckResult result, Recording recording)
    {
        lock (_gate)
        {
            try
            {
                string path = Reserve(result);
                recording.Save(path);
                _paths[result] = path;
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                _failures[result] = exception.Message;
            }
        }
    }

    public string? PathOf(CheckResult result)
    {
        lock (_gate)
        {
            return _paths.GetValueOrDefault(result);
        }
    }

    public string? FailureOf(CheckResult result)
    {
        lock (_gate)
        {
            return _failures.GetValueOrDefault(result);
        }
    }

    // The next free number. The file is created here, so that of two checks in one folder each gets its own.
    private string Reserve(CheckResult result)
    {
        string policy = result.Lock is { } kind ? $"-{ChoiceNames.Lock.NameOf(kind)}" : "";
        string start = $"check-{result.Scenario}-{result.Variant}{policy}-{CheckNames.Memory.NameOf(result.Memory)}";
        for (int number = 0; number < MostNumbers; number++)
        {
            string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{start}-{number}.replay.json"));
            try
            {
                new FileStream(path, FileMode.CreateNew, FileAccess.Write).Dispose();
                return path;
            }
            catch (IOException) when (File.Exists(path))
            {
                // Of another finding.
            }
        }

        throw new IOException($"There are {MostNumbers} replay files of {start} already.");
    }
}
