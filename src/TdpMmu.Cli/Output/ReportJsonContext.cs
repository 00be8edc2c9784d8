using System.Text.Json.Serialization;
using TdpMmu.Cli.Checking;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Doctor;
using TdpMmu.Cli.Simulation;

namespace TdpMmu.Cli.Output;

/// <summary>Serialisation that is generated at build time: snake case, and nulls are written, so that every field is always there.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(DemandPagingReport))]
[JsonSerializable(typeof(DoctorReport))]
[JsonSerializable(typeof(CheckReport))]
[JsonSerializable(typeof(SimulateReport))]
internal sealed partial class ReportJsonContext : JsonSerializerContext;
