using System.Reflection.Emit;
using System.Reflection.Metadata;

namespace TdpMmu.Engine.Tests.Rules;

/// <summary>Reads instructions of the intermediate language one by one.</summary>
internal static class InstructionReader
{
    private static readonly Dictionary<int, OpCode> s_codes = typeof(OpCodes).GetFields()
        .Select(field => field.GetValue(null)).OfType<OpCode>()
        .ToDictionary(code => (int)(ushort)code.Value);

    internal static (bool IsVolatilePrefix, int Token) Read(ref BlobReader body)
    {
        int value = body.ReadByte();
        if (value == 0xFE)
        {
            value = (value << 8) | body.ReadByte();
        }

        var code = s_codes[value];
        var token = 0;
        switch (code.OperandType)
        {
            case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                token = body.ReadInt32();
                break;
            case OperandType.InlineSwitch:
                var targets = body.ReadInt32();
                body.Offset += targets * sizeof(int);
                break;
            default:
                body.Offset += SizeOf(code.OperandType);
                break;
        }

        return (code == OpCodes.Volatile, token);
    }

    private static int SizeOf(OperandType type) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };
}
