using System.Reflection;

namespace TdpMmu.Linux.Tests.QuickStart;

/// <summary>The README's quick start is a sample that is compiled with everything else, and does what the README says.</summary>
public sealed class QuickStartTests
{
    [Fact]
    public void TheReadmeShowsTheSampleAsItIs()
    {
        var root = RepositoryRoot();
        var readme = File.ReadAllText(Path.Combine(root, "README.md"));
        const string Fence = "```csharp\n";
        var start = readme.IndexOf(Fence, StringComparison.Ordinal) + Fence.Length;
        var block = readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)];
        Assert.Equal(File.ReadAllText(Path.Combine(root, "samples", "GuestRam", "Program.cs")), block);
    }

    [Fact]
    public void TheSampleRuns()
    {
        var output = new StringWriter();
        var console = Console.Out;
        Console.SetOut(output);
        try
        {
            var program = Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "GuestRam.dll"));
            program.EntryPoint!.Invoke(null, [Array.Empty<string>()]);
        }
        finally
        {
            Console.SetOut(console);
        }

        Assert.Equal("guest wrote 42\ndirty pages: 2\n", output.ToString());
    }

    private static string RepositoryRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "TdpMmu.slnx")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return directory;
    }
}
