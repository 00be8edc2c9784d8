using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests.Parsing;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData("0", 0UL)]
    [InlineData("4096", 4096UL)]
    [InlineData("7B", 7UL)]
    [InlineData("4KiB", 4096UL)]
    [InlineData("64MiB", 64UL << 20)]
    [InlineData("64 mib", 64UL << 20)]
    [InlineData("3GiB", 3UL << 30)]
    [InlineData("12TiB", 12UL << 40)]
    [InlineData("18446744073709551615", ulong.MaxValue)]
    [InlineData("16777215TiB", 16777215UL << 40)]
    public void ParsesWholeNumbersWithBinaryUnits(string text, ulong expected)
    {
        Assert.True(ByteSize.TryParse(text, out ulong bytes, out _));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("KiB")]
    [InlineData("1KB")]
    [InlineData("1k")]
    [InlineData("+1")]
    [InlineData("0x10")]
    [InlineData("1,000")]
    [InlineData("\u0663")]
    [InlineData("18446744073709551616")]
    [InlineData("16777216TiB")]
    [InlineData("99999999999999999999999999GiB")]
    public void RefusesEverythingElse(string text)
    {
        Assert.False(ByteSize.TryParse(text, out _, out string error));
        Assert.NotEmpty(error);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(4096UL)]
    [InlineData(5000UL)]
    [InlineData(64UL << 20)]
    [InlineData((1UL << 40) + 1)]
    [InlineData(ulong.MaxValue)]
    public void ExactTextParsesBack(ulong bytes)
    {
        Assert.True(ByteSize.TryParse(ByteSize.Exact(bytes), out ulong parsed, out _));
        Assert.Equal(bytes, parsed);
    }
}
