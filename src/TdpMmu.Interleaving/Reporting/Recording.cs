using System.Text.Json;
using System.Text.Json.Serialization;

namespace TdpMmu.Interleaving;

/// <summary>A schedule that can be followed again, in another process and by another strategy: what a replay file holds.</summary>
public sealed record Recording
{
    private const int CurrentFormat = 2;

    // More than an execution has before it counts as endless.
    private const int MostSteps = 10_000_000;

    /// <summary>The version of this format.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The program's name.</summary>
    public required string Program { get; init; }

    /// <summary>The memory model.</summary>
    public required MemoryModel Memory { get; init; }

    /// <summary>Whether the schedule is one of a search that compares states: process-wide fences wait for all stores after which their thread has taken a step by then.</summary>
    public bool ComparesStates { get; init; }

    /// <summary>What was found.</summary>
    public required string Finding { get; init; }

    /// <summary>Offsets of the words that were known to be shared when the execution began.</summary>
    public required IReadOnlyList<long> SharedWords { get; init; }

    /// <summary>Pairs of an actor and the number of steps that it takes in a row. Actors from 8 on are the store buffers of threads from 0 on.</summary>
    public required IReadOnlyList<int> Schedule { get; init; }

    /// <summary>A hash of the steps, by which a replay notices that the program has changed.</summary>
    public required ulong Fingerprint { get; init; }

    /// <summary>The type of what was thrown, while that is known.</summary>
    [JsonIgnore]
    internal Type? FailureType { get; init; }

    /// <summary>Writes a replay file.</summary>
    /// <param name="path">Its path.</param>
    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, RecordingJson.Default.Recording) + "\n");

    /// <summary>Reads a replay file.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="InvalidDataException">The file is not a replay file, or one of another version.</exception>
    public static Recording Load(string path)
    {
        Recording? recording;
        try
        {
            recording = JsonSerializer.Deserialize(File.ReadAllText(path), RecordingJson.Default.Recording);
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path} is not a replay file: {exception.Message}", exception);
        }

        return recording switch
        {
            null => throw new InvalidDataException($"{path} is not a replay file."),
            { Format: not CurrentFormat } => throw new InvalidDataException($"{path} has format {recording.Format}; this version reads format {CurrentFormat}."),
            { Program: null } or { Finding: null } or { SharedWords: null } or { Schedule: null } =>
                throw new InvalidDataException($"{path} is not a replay file: a field of it is null."),
            _ when !Enum.IsDefined(recording.Memory) => throw new InvalidDataException($"{path} has a memory model that this version does not know."),
            _ when !IsSchedule(recording.Schedule) =>
                throw new InvalidDataException($"{path} has a schedule that is not a list of actors, below {2 * ScheduledThread.Most}, and counts of at most {MostSteps} in all."),
            _ => recording,
        };
    }

    private static bool IsSchedule(IReadOnlyList<int> schedule)
    {
        var steps = 0L;
        for (var index = 0; index + 1 < schedule.Count; index += 2)
        {
            if (schedule[index] is < 0 or >= 2 * ScheduledThread.Most || schedule[index + 1] <= 0)
            {
                return false;
            }

            steps += schedule[index + 1];
        }

        return schedule.Count % 2 == 0 && steps <= MostSteps;
    }

    internal static List<int> Compress(IReadOnlyList<int> choices)
    {
        var runs = new List<int>();
        foreach (var actor in choices)
        {
            if (runs.Count != 0 && runs[^2] == actor)
            {
                runs[^1]++;
            }
            else
            {
                runs.Add(actor);
                runs.Add(1);
            }
        }

        return runs;
    }

    internal List<int> Choices()
    {
        var choices = new List<int>();
        for (var index = 0; index < Schedule.Count; index += 2)
        {
            choices.AddRange(Enumerable.Repeat(Schedule[index], Schedule[index + 1]));
        }

        return choices;
    }
}
