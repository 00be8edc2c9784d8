namespace TdpMmu.Cli.Tests.Output;

/// <summary>Validates result files that were written outside the tests: TDPMMU_RESULTS names their folder.</summary>
public sealed class ResultFileTests
{
    private const string FolderVariable = "TDPMMU_RESULTS";

    [Fact]
    public async Task EveryFileFitsTheSchema()
    {
        string? folder = Environment.GetEnvironmentVariable(FolderVariable);
        if (string.IsNullOrEmpty(folder))
        {
            Assert.Skip($"{FolderVariable} names no folder with result files");
        }

        string[] files = Directory.GetFiles(folder, "*.json");
        Assert.NotEmpty(files);
        foreach (string file in files)
        {
            string json = await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);
            Assert.Empty(await ResultSchema.FindViolationsAsync(json, TestContext.Current.CancellationToken));
        }
    }
}
