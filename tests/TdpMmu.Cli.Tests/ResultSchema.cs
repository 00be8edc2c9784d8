using NJsonSchema;
using NJsonSchema.Validation;

namespace TdpMmu.Cli.Tests;

/// <summary>The published schema of JSON results.</summary>
internal static class ResultSchema
{
    public static async Task<IReadOnlyList<string>> FindViolationsAsync(string json, CancellationToken cancellationToken)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "json.schema.json"), cancellationToken);

        // The validator resolves references under the keyword's older name only; it means the same.
        JsonSchema schema = await JsonSchema.FromJsonAsync(text.Replace("$defs", "definitions", StringComparison.Ordinal), cancellationToken);
        return [.. schema.Validate(json).Select(Describe)];
    }

    private static string Describe(ValidationError error) => $"{error.Path}: {error.Kind}";
}
