using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests.Parsing;

/// <summary>Whatever is wrong with the arguments: exit code 2, nothing on standard output, one line that names the mistake.</summary>
public sealed class BadArgumentTests
{
    public static TheoryData<string, string> Mistakes => new()
    {
        { "", "no verb" },
        { "demand-pagin", "did you mean demand-paging" },
        { "frobnicate", "'frobnicate'" },
        { "--frobnicate", "'--frobnicate'" },
        { "[suggest] doctor", "'[suggest]'" },
        { "demand-paging extra", "'extra'" },
        { "demand-paging @file", "'@file'" },
        { "demand-paging -v", "'-v'" },
        { "demand-paging --vcpu 4", "did you mean --vcpus" },
        { "demand-paging --vcpus", "--vcpus needs a value" },
        { "demand-paging --vcpus=", "--vcpus needs a value" },
        { "demand-paging --vcpus 0", "'0' is not a whole number from 1 to 4096" },
        { "demand-paging --vcpus -1", "'-1'" },
        { "demand-paging --vcpus 4097", "'4097'" },
        { "demand-paging --vcpus 99999999999999999999", "'99999999999999999999'" },
        { "demand-paging --vcpus four", "'four'" },
        { "demand-paging --vcpus 1.5", "'1.5'" },
        { "demand-paging --vcpus @file", "'@file'" },
        { "demand-paging --vcpus 1 --vcpus 2", "given 2 times" },
        { "demand-paging --memory-per-vcpu", "--memory-per-vcpu needs a value" },
        { "demand-paging --memory-per-vcpu 64MB", "'64MB' is not a size" },
        { "demand-paging --memory-per-vcpu MiB", "'MiB' is not a size" },
        { "demand-paging --memory-per-vcpu -64MiB", "'-64MiB' is not a size" },
        { "demand-paging --memory-per-vcpu 1.5GiB", "'1.5GiB' is not a size" },
        { "demand-paging --memory-per-vcpu 0", "out of range" },
        { "demand-paging --memory-per-vcpu 17TiB", "out of range" },
        { "demand-paging --memory-per-vcpu 16777216TiB", "64 bits" },
        { "demand-paging --memory-per-vcpu 5000", "multiple of 4KiB" },
        { "demand-paging --vcpus 4096 --memory-per-vcpu 16TiB", "exceed 64TiB" },
        { "demand-paging --mmu", "--mmu needs a value" },
        { "demand-paging --mmu fast", "choose direct, legacy or none" },
        { "demand-paging --mmu direct,", "choose direct, legacy or none" },
        { "demand-paging --mmu direct,direct", "listed twice" },
        { "demand-paging --mmu direct --mmu legacy", "given 2 times" },
        { "demand-paging --lock", "--lock needs a value" },
        { "demand-paging --lock spin", "choose rcu, read-write or monolithic" },
        { "demand-paging --lock rcu --mmu legacy", "--lock means nothing" },
        { "demand-paging --format", "--format needs a value" },
        { "demand-paging --format arm", "choose ept, npt, ept5 or npt5" },
        { "demand-paging --source", "--source needs a value" },
        { "demand-paging --source disk", "choose missing, minor, exit, anonymous or resident" },
        { "demand-paging --handlers", "--handlers needs a value" },
        { "demand-paging --handlers many", "choose per-vcpu or shared" },
        { "demand-paging --handlers shared --source exit", "--handlers means nothing" },
        { "demand-paging --access", "--access needs a value" },
        { "demand-paging --access execute", "choose read or write" },
        { "demand-paging --pattern", "--pattern needs a value" },
        { "demand-paging --pattern random", "choose disjoint or overlapping" },
        { "demand-paging --page-size", "--page-size needs a value" },
        { "demand-paging --page-size 8KiB", "choose 4KiB, 2MiB or 1GiB" },
        { "demand-paging --page-size 1GiB", "no multiple of 1GiB" },
        { "demand-paging --backing", "--backing needs a value" },
        { "demand-paging --backing swapped", "choose untouched or touched" },
        { "demand-paging --backing touched", "--backing means nothing" },
        { "demand-paging --repeat", "--repeat needs a value" },
        { "demand-paging --repeat 0", "'0' is not a whole number from 1 to 1000" },
        { "demand-paging --json", "--json needs a value" },
        { "demand-paging --json=", "--json needs a value" },
        { "demand-paging --json /no/such/folder/results.json", "cannot be written" },
        { "demand-paging --json /", "cannot be written" },
        { "doctor --vcpus 4", "'--vcpus'" },
        { "doctor --json", "--json needs a value" },
        { "doctor --json /no/such/folder/results.json", "cannot be written" },
        { "doctor doctor", "'doctor'" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void ExitsWith2AndOneLine(string arguments, string expected)
    {
        CommandRun run = CommandRun.Of(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Empty(run.Output);
        string line = Assert.Single(run.ErrorLines);
        Assert.StartsWith("tdpmmu: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("line\nbreak")]
    [InlineData("carriage\rreturn")]
    [InlineData("separator\u2028here")]
    [InlineData("\u001b[31mred")]
    [InlineData("{0} [bold]")]
    public void StaysOneLineWhateverTheArgumentHolds(string value)
    {
        CommandRun run = CommandRun.Of("demand-paging", "--vcpus", value);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        string line = Assert.Single(run.ErrorLines);
        Assert.DoesNotContain(line, char.IsControl);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("demand-paging --help")]
    [InlineData("doctor --help")]
    [InlineData("--version")]
    public void HelpIsNoMistake(string arguments)
    {
        CommandRun run = CommandRun.Of(arguments.Split(' '));

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.NotEmpty(run.Output);
        Assert.Empty(run.Error);
    }
}
