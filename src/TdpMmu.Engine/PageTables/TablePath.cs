using System.Runtime.CompilerServices;

namespace TdpMmu.PageTables;

/// <summary>The table that a walk stands in at each level, indexed by level.</summary>
[InlineArray(6)]
internal struct TablePath
{
    private PageTable _first;
}
