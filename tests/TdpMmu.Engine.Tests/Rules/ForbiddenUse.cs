namespace TdpMmu.Engine.Tests.Rules;

/// <summary>One use of something forbidden.</summary>
/// <param name="Type">The outermost type whose code uses it, or an empty string where only the metadata names it.</param>
/// <param name="Method">The method, or an empty string.</param>
/// <param name="What">What is used.</param>
internal sealed record ForbiddenUse(string Type, string Method, string What);
