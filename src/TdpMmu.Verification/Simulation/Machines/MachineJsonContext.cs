using System.Text.Json;
using System.Text.Json.Serialization;

namespace TdpMmu.Verification.Simulation;

/// <summary>Machines as files: snake case, comments allowed, and a misspelt name is an error.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(MachineModel))]
internal sealed partial class MachineJsonContext : JsonSerializerContext;
