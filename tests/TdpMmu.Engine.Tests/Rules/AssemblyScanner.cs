using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace TdpMmu.Engine.Tests.Rules;

/// <summary>
/// Finds forbidden uses in a compiled assembly. It reads the intermediate language, because <c>lock</c>, <c>volatile</c> and
/// what other shorthand stands for is not visible to an analyser of symbols.
/// </summary>
internal sealed class AssemblyScanner : IDisposable
{
    private readonly PEReader _file;
    private readonly MetadataReader _metadata;
    private readonly List<ForbiddenUse> _uses = [];

    private AssemblyScanner(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    internal static IReadOnlyList<ForbiddenUse> Scan(string path)
    {
        using var scanner = new AssemblyScanner(path);
        scanner.ScanMethods();
        scanner.ScanReferences();
        return scanner._uses;
    }

    public void Dispose() => _file.Dispose();

    private void ScanMethods()
    {
        foreach (var handle in _metadata.MethodDefinitions)
        {
            var method = _metadata.GetMethodDefinition(handle);
            if (method.ImplAttributes.HasFlag(MethodImplAttributes.Synchronized))
            {
                Report(method, "[MethodImpl(Synchronized)]");
            }

            if (method.RelativeVirtualAddress != 0)
            {
                ScanBody(method, _file.GetMethodBody(method.RelativeVirtualAddress).GetILReader());
            }
        }
    }

    private void ScanBody(MethodDefinition method, BlobReader body)
    {
        while (body.RemainingBytes != 0)
        {
            var instruction = InstructionReader.Read(ref body);
            if (instruction.IsVolatilePrefix)
            {
                Report(method, "volatile.");
            }
            else if (instruction.Token != 0 && Forbidden(MetadataTokens.EntityHandle(instruction.Token)) is { } name)
            {
                Report(method, name);
            }
        }
    }

    // A field or parameter of a forbidden type whose members nobody calls leaves only the reference itself.
    private void ScanReferences()
    {
        foreach (var handle in _metadata.TypeReferences)
        {
            var name = NameOf(handle);
            if (ForbiddenUses.IsForbiddenType(name) && !_uses.Exists(use => use.What.StartsWith(name, StringComparison.Ordinal)))
            {
                _uses.Add(new ForbiddenUse(string.Empty, string.Empty, name));
            }
        }
    }

    private string? Forbidden(EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.MethodSpecification:
                return Forbidden(_metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method);
            case HandleKind.MemberReference:
                var member = _metadata.GetMemberReference((MemberReferenceHandle)handle);
                var name = $"{NameOf(member.Parent)}.{_metadata.GetString(member.Name)}";
                return ForbiddenUses.IsForbiddenType(NameOf(member.Parent)) || ForbiddenUses.IsForbiddenMember(name) ? name : null;
            case HandleKind.TypeReference or HandleKind.TypeSpecification:
                return ForbiddenUses.IsForbiddenType(NameOf(handle)) ? NameOf(handle) : null;
            default:
                return null;
        }
    }

    private string NameOf(EntityHandle handle)
    {
        switch (handle.Kind)
        {
            case HandleKind.TypeReference:
                var type = _metadata.GetTypeReference((TypeReferenceHandle)handle);
                var name = _metadata.GetString(type.Name);
                return type.ResolutionScope.Kind == HandleKind.TypeReference
                    ? $"{NameOf(type.ResolutionScope)}.{name}"
                    : $"{_metadata.GetString(type.Namespace)}.{name}";
            case HandleKind.TypeSpecification:
                // Of a generic instance the open type is looked at: GENERICINST, then CLASS or VALUETYPE, then the type.
                var signature = _metadata.GetBlobReader(_metadata.GetTypeSpecification((TypeSpecificationHandle)handle).Signature);
                if (signature.ReadSignatureTypeCode() != SignatureTypeCode.GenericTypeInstance)
                {
                    return string.Empty;
                }

                _ = signature.ReadCompressedInteger();
                return NameOf(signature.ReadTypeHandle());
            default:
                return string.Empty;
        }
    }

    private void Report(MethodDefinition method, string what)
    {
        var type = _metadata.GetTypeDefinition(method.GetDeclaringType());
        var innermost = _metadata.GetString(type.Name);
        while (!type.GetDeclaringType().IsNil)
        {
            type = _metadata.GetTypeDefinition(type.GetDeclaringType());
        }

        var outermost = _metadata.GetString(type.Name);
        var name = _metadata.GetString(method.Name);
        _uses.Add(new ForbiddenUse(outermost, innermost == outermost ? name : $"{innermost}.{name}", what));
    }
}
