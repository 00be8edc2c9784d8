using System.Globalization;
using TdpMmu.Interleaving;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>The replay files of a check, in the current folder.</summary>
internal sealed class FindingFiles
{
    private readonly Dictionary<CheckResult, string> _paths = [];

    public void Save(CheckResult result, Finding finding)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"check-{result.Scenario}-{result.Variant}-{CheckNames.Memory.NameOf(result.Memory)}-{_paths.Count}.replay.json");
        finding.Recording.Save(name);
        lock (_paths)
        {
            _paths[result] = name;
        }
    }

    public string? PathOf(CheckResult result)
    {
        lock (_paths)
        {
            return _paths.GetValueOrDefault(result);
        }
    }
}
