namespace TdpMmu.Engine.Tests.Support;

/// <summary>A mapping as the model expects it.</summary>
/// <param name="Frame">The first guest frame.</param>
/// <param name="Level">1, 2 or 3.</param>
/// <param name="Host">The first host frame.</param>
/// <param name="Writable">Whether the guest may write now.</param>
/// <param name="MmuWritable">Whether a fast fault may let it write.</param>
/// <param name="Dirty">Whether it was written through.</param>
internal sealed record Leaf(ulong Frame, int Level, ulong Host, bool Writable, bool MmuWritable, bool Dirty)
{
    internal ulong Frames => 1UL << (9 * (Level - 1));

    internal ulong End => Frame + Frames;
}
