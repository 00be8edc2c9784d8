using System.Text.Json;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests.Doctor;

public sealed class DoctorTests
{
    [Fact]
    public void SaysWhatTheMachineOffers()
    {
        CommandRun run = CommandRun.Of("doctor");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Contains("userfaultfd", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Output);
    }

    [Fact]
    public async Task JsonFitsTheSchemaAndIsAllThatIsPrinted()
    {
        CommandRun run = CommandRun.Of("doctor", "--json", "-");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(await ResultSchema.FindViolationsAsync(run.Output, TestContext.Current.CancellationToken));
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Equal("doctor", document.RootElement.GetProperty("verb").GetString());
    }

    [Fact]
    public void LackSaysWhatItTurnsOff()
    {
        CommandRun run = CommandRun.Of("doctor", "--json", "-");

        using JsonDocument document = JsonDocument.Parse(run.Output);
        foreach (JsonElement capability in document.RootElement.GetProperty("capabilities").EnumerateArray())
        {
            bool isAvailable = capability.GetProperty("available").GetBoolean();
            Assert.Equal(isAvailable ? JsonValueKind.Null : JsonValueKind.String, capability.GetProperty("turns_off").ValueKind);
        }
    }

    [Fact]
    public void CancelledVerbExitsWith130()
        => Assert.Equal(ExitCode.Interrupted, CommandRun.Of(new CancellationToken(canceled: true), "doctor").ExitCode);
}
