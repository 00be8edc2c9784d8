using System.Globalization;
using System.Text;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Simulation;

/// <summary>Draws two panels over the number of vCPUs, both axes logarithmic: pages per second, and the longest stall of a vCPU.</summary>
internal static class ScalingPlot
{
    private const double Width = 560;
    private const double Height = 420;
    private const double Left = 80;
    private const double Top = 60;
    private const double Inner = 450;
    private const double InnerHeight = 290;

    private static readonly string[] s_colours = ["#0072b2", "#009e73", "#e69f00", "#d55e00", "#777777", "#cc79a7"];

    public static string Draw(SimulateOptions options, IReadOnlyList<SimulateRunReport> runs)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{2 * Width}\" height=\"{Height}\" viewBox=\"0 0 {2 * Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect width=\"{2 * Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        string title = $"{SimulationNames.Workload.NameOf(options.Workload)}, {ChoiceNames.Pattern.NameOf(options.Pattern)}, source {SimulationNames.Source.NameOf(options.Source)}, machine {options.Machine.Name} (virtual time)";
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Width}\" y=\"22\" text-anchor=\"middle\" font-size=\"15\">{Escape(title)}</text>\n");
        bool isDemandPaging = options.Workload == SimulatedExperimentKind.DemandPaging;
        Panel(svg, 0, isDemandPaging ? "pages per second" : "touches per second", runs, static run => run.PagesPerSecond, static value => Quantity.PerSecond(value));
        Panel(svg, Width, "longest stall of a vCPU", runs, static run => run.LongestStallSeconds, static value => Time(value));
        svg.Append("</svg>\n");
        return svg.ToString();
    }

    private static void Panel(
        StringBuilder svg, double x, string title, IReadOnlyList<SimulateRunReport> runs, Func<SimulateRunReport, double> value, Func<double, string> label)
    {
        (double low, double high) = Decades(runs.Select(value));
        double last = Math.Max(2, runs.Max(static run => run.Vcpus));
        double XOf(double vcpus) => x + Left + (Inner * Math.Log(vcpus) / Math.Log(last));
        double YOf(double number) => Top + (InnerHeight * (1 - (Math.Log(number / low) / Math.Log(high / low))));
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + Left + (Inner / 2)}\" y=\"{Top - 14}\" text-anchor=\"middle\">{Escape(title)}</text>\n");
        for (double decade = low; decade <= high * 1.001; decade *= 10)
        {
            double y = YOf(decade);
            svg.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x + Left:F1}\" y1=\"{y:F1}\" x2=\"{x + Left + Inner:F1}\" y2=\"{y:F1}\" stroke=\"#ddd\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + Left - 6:F1}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{Escape(label(decade))}</text>\n");
        }

        foreach (int vcpus in runs.Select(static run => run.Vcpus).Distinct())
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{XOf(vcpus):F1}\" y=\"{Top + InnerHeight + 18}\" text-anchor=\"middle\">{vcpus}</text>\n");
        }

        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + Left + (Inner / 2)}\" y=\"{Top + InnerHeight + 36}\" text-anchor=\"middle\">vCPUs</text>\n");
        int index = 0;
        foreach (IGrouping<string, SimulateRunReport> curve in runs.GroupBy(static run => run.Label, StringComparer.Ordinal))
        {
            string colour = s_colours[index % s_colours.Length];
            string path = string.Join(' ', curve.Select(run => string.Create(CultureInfo.InvariantCulture, $"{XOf(run.Vcpus):F1},{YOf(Math.Max(low, value(run))):F1}")));
            svg.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
            foreach (SimulateRunReport run in curve)
            {
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{XOf(run.Vcpus):F1}\" cy=\"{YOf(Math.Max(low, value(run))):F1}\" r=\"3\" fill=\"{colour}\"/>\n");
            }

            double legend = x + Left + (index * Inner / 5);
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{legend:F1}\" y=\"{Height - 22}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\n");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{legend + 13:F1}\" y=\"{Height - 13}\" font-size=\"10\">{Escape(curve.First().Lock ?? curve.Key)}</text>\n");
            index++;
        }
    }

    // Whole decades around the values, at least one.
    private static (double Low, double High) Decades(IEnumerable<double> values)
    {
        double[] positive = [.. values.Where(static value => value > 0)];
        if (positive.Length == 0)
        {
            return (1, 10);
        }

        double low = Math.Pow(10, Math.Floor(Math.Log10(positive.Min())));
        double high = Math.Pow(10, Math.Ceiling(Math.Log10(positive.Max())));
        return (low, high > low ? high : low * 10);
    }

    private static string Time(double seconds) => seconds switch
    {
        >= 1 => seconds.ToString("G3", CultureInfo.InvariantCulture) + " s",
        >= 0.999e-3 => (seconds * 1e3).ToString("G3", CultureInfo.InvariantCulture) + " ms",
        >= 0.999e-6 => (seconds * 1e6).ToString("G3", CultureInfo.InvariantCulture) + " us",
        _ => (seconds * 1e9).ToString("G3", CultureInfo.InvariantCulture) + " ns",
    };

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
