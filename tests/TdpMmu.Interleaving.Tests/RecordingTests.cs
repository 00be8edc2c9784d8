namespace TdpMmu.Interleaving.Tests;

/// <summary>Replay files come from anywhere: what is in them is looked at before it is used.</summary>
public sealed class RecordingTests : IDisposable
{
    private const string Right = """
        {"format":2,"program":"p","memory":"TotalStoreOrder","finding":"f","shared_words":[64],"schedule":[0,3,8,1],"fingerprint":7}
        """;

    private readonly string _path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void WhatIsSavedIsLoaded()
    {
        File.WriteAllText(_path, Right);
        var recording = Recording.Load(_path);
        recording.Save(_path);
        var again = Recording.Load(_path);

        Assert.Equal([0, 3, 8, 1], again.Schedule);
        Assert.Equal([64], again.SharedWords);
        Assert.Equal((recording.Program, recording.Memory, recording.Finding, recording.Fingerprint), (again.Program, again.Memory, again.Finding, again.Fingerprint));
    }

    [Theory]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":null")]
    [InlineData("\"shared_words\":[64]", "\"shared_words\":null")]
    [InlineData("\"program\":\"p\"", "\"program\":null")]
    [InlineData("\"finding\":\"f\"", "\"finding\":null")]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":[16,1]")]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":[-1,1]")]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":[0,0]")]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":[0]")]
    [InlineData("\"schedule\":[0,3,8,1]", "\"schedule\":[0,2147483647,1,2147483647]")]
    [InlineData("\"memory\":\"TotalStoreOrder\"", "\"memory\":9")]
    [InlineData("\"format\":2", "\"format\":1")]
    [InlineData("\"fingerprint\":7", "\"fingerprint\":\"x\"")]
    [InlineData("{", "[")]
    public void WhatIsNoReplayFileIsRefused(string right, string wrong)
    {
        Assert.Contains(right, Right, StringComparison.Ordinal);
        File.WriteAllText(_path, Right.Replace(right, wrong, StringComparison.Ordinal));

        Assert.Throws<InvalidDataException>(() => Recording.Load(_path));
    }
}
