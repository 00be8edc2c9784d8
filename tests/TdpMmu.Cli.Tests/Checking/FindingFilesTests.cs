using TdpMmu.Cli.Checking;
using TdpMmu.Interleaving;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Tests.Checking;

/// <summary>Where replay files go, and that none is lost or lost for.</summary>
public sealed class FindingFilesTests : IDisposable
{
    private static readonly Recording s_recording = new()
    {
        Program = "program",
        Memory = MemoryModel.TotalStoreOrder,
        Finding = "what",
        SharedWords = [],
        Schedule = [0, 1],
        Fingerprint = 0,
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void NamesSayWhatWasCheckedAndNoFileIsOverwritten()
    {
        CheckResult result = Make();
        string first = Path.Combine(_folder.FullName, "check-zap+zap-mapped-read-write-tso-0.replay.json");
        File.WriteAllText(first, "of somebody else");
        var files = new FindingFiles(_folder.FullName);

        files.Save(result, s_recording);

        Assert.Equal("of somebody else", File.ReadAllText(first));
        Assert.Equal(Path.Combine(_folder.FullName, "check-zap+zap-mapped-read-write-tso-1.replay.json"), files.PathOf(result));
        Assert.Null(files.FailureOf(result));
        Assert.Equal("program", Recording.Load(files.PathOf(result)!).Program);
    }

    [Fact]
    public void AFileThatCannotBeWrittenIsSaidToBeMissing()
    {
        CheckResult result = Make();
        var files = new FindingFiles(Path.Combine(_folder.FullName, "nowhere"));

        files.Save(result, s_recording);

        Assert.Null(files.PathOf(result));
        Assert.NotNull(files.FailureOf(result));
    }

    private static CheckResult Make() => new("zap+zap", "mapped", LockPolicyKind.ReadWrite, MemoryModel.TotalStoreOrder, new ExplorationReport
    {
        Program = "program",
        Executions = 1,
        Pruned = 0,
        States = 0,
        IsExhausted = false,
        IsComplete = false,
        PreemptionsSeen = -1,
        Bound = "stopped at the finding",
        Finding = null,
        Operations = 1,
        Steps = 1,
        LongestExecution = 1,
        Elapsed = TimeSpan.Zero,
    });
}
