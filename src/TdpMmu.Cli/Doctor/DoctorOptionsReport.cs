namespace TdpMmu.Cli.Doctor;

/// <summary>The options of <c>doctor</c>, which has none.</summary>
internal sealed record DoctorOptionsReport;
