using TdpMmu.Machine;
using TdpMmu.PageTables;

namespace TdpMmu.Direct;

/// <content>Looking at an idle machine.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    internal override List<Mapping> ListMappings() => TreeInspector.ListMappings<TFormat>(_root);

    internal override void CheckTables() => TreeInspector.Check<TFormat>(_root, Core);

    // SAFETY: the machine is idle, so that nothing is freed during the visit.
}
