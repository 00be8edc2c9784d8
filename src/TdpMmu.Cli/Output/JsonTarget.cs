using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Output;

/// <summary>Where <c>--json</c> sends the results.</summary>
internal sealed class JsonTarget
{
    private const string StandardOutputName = "-";

    private readonly string? _path;
    private readonly CommandConsole _console;

    private JsonTarget(string? path, CommandConsole console)
    {
        _path = path;
        _console = console;
    }

    /// <summary>Whether standard output belongs to the JSON alone.</summary>
    public bool OwnsStandardOutput => _path == StandardOutputName;

    /// <summary>Opens the target once, so that a file that cannot be written is refused before the verb spends its time.</summary>
    /// <exception cref="CommandException">The file cannot be written.</exception>
    public static JsonTarget Open(string? path, CommandConsole console)
    {
        if (path is not null and not StandardOutputName)
        {
            try
            {
                bool existed = File.Exists(path);
                using (File.Open(path, FileMode.OpenOrCreate, FileAccess.Write))
                {
                }

                if (!existed)
                {
                    File.Delete(path);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                throw CommandException.Usage($"--json: '{path}' cannot be written ({exception.Message.TrimEnd('.')}); name a file in a folder that exists");
            }
        }

        return new JsonTarget(path, console);
    }

    public void Write<T>(T report, JsonTypeInfo<T> typeInfo)
    {
        if (_path is null)
        {
            return;
        }

        string text = JsonSerializer.Serialize(report, typeInfo);
        if (OwnsStandardOutput)
        {
            _console.StandardOutput.WriteLine(text);
            _console.StandardOutput.Flush();
            return;
        }

        File.WriteAllText(_path, text + "\n");
    }
}
