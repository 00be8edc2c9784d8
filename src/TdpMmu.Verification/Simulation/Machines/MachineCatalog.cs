using System.Text.Json;

namespace TdpMmu.Verification.Simulation;

/// <summary>The machines that come with the library, and machines from files.</summary>
public static class MachineCatalog
{
    private const string Prefix = "machines/";

    /// <summary>The names of the machines that come with the library.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(MachineCatalog).Assembly.GetManifestResourceNames()
            .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(static name => name[Prefix.Length..^".json".Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Finds a machine that comes with the library.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">There is none of this name.</exception>
    public static MachineModel Get(string name)
    {
        using var stream = typeof(MachineCatalog).Assembly.GetManifestResourceStream($"{Prefix}{name}.json")
            ?? throw new ArgumentException($"There is no machine '{name}'; there are {string.Join(", ", Names)}.", nameof(name));
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd());
    }

    /// <summary>Reads a machine from the text of a file.</summary>
    /// <param name="text">JSON as docs/simulation.md describes it.</param>
    /// <exception cref="FormatException">The text is not a machine; the message says why.</exception>
    public static MachineModel Parse(string text)
    {
        try
        {
            var machine = JsonSerializer.Deserialize(text, MachineJsonContext.Default.MachineModel)
                ?? throw new FormatException("The file holds no machine.");
            machine.Validate();
            return machine;
        }
        catch (JsonException exception)
        {
            throw new FormatException($"The file is not a machine: {exception.Message}", exception);
        }
    }
}
