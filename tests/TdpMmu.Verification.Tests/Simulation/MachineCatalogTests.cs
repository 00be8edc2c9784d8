namespace TdpMmu.Verification.Simulation.Tests;

public sealed class MachineCatalogTests
{
    [Fact]
    public void EveryMachineIsValidAndSaysWhereItsNumbersComeFrom()
    {
        Assert.Contains("x86-416", MachineCatalog.Names, StringComparer.Ordinal);
        Assert.Contains("this-vm", MachineCatalog.Names, StringComparer.Ordinal);
        Assert.All(MachineCatalog.Names, static name =>
        {
            var machine = MachineCatalog.Get(name);
            Assert.Equal(name, machine.Name);
            Assert.NotEmpty(machine.Sources);
            Assert.All(machine.Sources.Values, static source => Assert.False(string.IsNullOrWhiteSpace(source)));
        });
    }

    [Fact]
    public void ProcessorsAreDealtOutOverSocketsAndNoneTwice()
    {
        var machine = MachineCatalog.Get("x86-416");
        var cores = Enumerable.Range(0, machine.CpuCount).GroupBy(machine.CoreOf).ToArray();

        Assert.Equal(machine.CpuCount / machine.ThreadsPerCore, cores.Length);
        Assert.All(cores, core => Assert.Equal(machine.ThreadsPerCore, core.Count()));
        Assert.Equal(Enumerable.Range(0, 8), Enumerable.Range(0, 8).Select(machine.SocketOf));

        // More threads than processors: further sockets of the same size.
        Assert.Equal(machine.Sockets, machine.SocketOf(machine.CpuCount));
    }

    [Fact]
    public void AMisspeltNameIsAnError()
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "this-vm.json"));

        var failure = Assert.Throws<FormatException>(() => MachineCatalog.Parse(text.Replace("\"cpus_per_socket\"", "\"cpus_by_socket\"", StringComparison.Ordinal)));

        Assert.Contains("cpus_", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMachineWithoutProcessorsIsAnError()
    {
        var text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "this-vm.json"));

        var failure = Assert.Throws<FormatException>(() => MachineCatalog.Parse(text.Replace("\"sockets\": 1", "\"sockets\": 0", StringComparison.Ordinal)));

        Assert.Contains("sockets must lie", failure.Message, StringComparison.Ordinal);
    }
}
