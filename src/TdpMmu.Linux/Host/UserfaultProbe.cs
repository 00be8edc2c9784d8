namespace TdpMmu.Linux;

/// <summary>Finds out what userfaultfd offers to this process.</summary>
internal static class UserfaultProbe
{
    internal static void Add(List<HostCapability> found, string remains)
    {
        Userfaultfd? descriptor = null;
        string? refusal = null;
        if (!SystemCallNumbers.Known)
        {
            refusal = "the system call's number is not known for this architecture";
        }
        else
        {
            try
            {
                descriptor = Userfaultfd.Open(UserfaultFeatures.None);
            }
            catch (HostMemoryException failure)
            {
                refusal = failure.Message;
            }
        }

        using (descriptor)
        {
            UserfaultFeatures offered = descriptor?.Offered ?? UserfaultFeatures.None;
            string origin = descriptor?.Origin == UserfaultOrigin.Device ? "/dev/userfaultfd" : "the system call";
            found.Add(new HostCapability
            {
                Name = "userfaultfd",
                Available = descriptor is not null,
                Detail = refusal ?? $"by {origin}; offers {offered}",
                TurnsOff = $"demand paging by the kernel, missing and minor: {remains}",
                Remedy = descriptor is not null ? "" : "as root: sysctl vm.unprivileged_userfaultfd=1, or give this user access to /dev/userfaultfd, or run with CAP_SYS_PTRACE",
            });
            AddMode(found, "userfaultfd missing, anonymous", descriptor is not null, "the missing source on anonymous memory", "");
            AddMode(found, "userfaultfd missing, memfd", offered.HasFlag(UserfaultFeatures.MissingShared), "the missing source on memfd memory", "Linux 4.11 or later");
            AddMode(found, "userfaultfd minor, memfd", offered.HasFlag(UserfaultFeatures.MinorShared), "the minor source", "Linux 5.14 or later");
            AddMode(found, "userfaultfd write protection", offered.HasFlag(UserfaultFeatures.WriteProtectFlag), "tracking writes of code outside the MMU", "Linux 5.7 or later");
            AddMode(found, "userfaultfd poison", offered.HasFlag(UserfaultFeatures.Poison), "a trap for raw accesses to lost pages; guests are refused them all the same", "Linux 6.6 or later");
        }
    }

    private static void AddMode(List<HostCapability> found, string name, bool available, string turnsOff, string remedy) => found.Add(new HostCapability
    {
        Name = name,
        Available = available,
        Detail = available ? "yes" : "no",
        TurnsOff = turnsOff,
        Remedy = available ? "" : remedy,
    });
}
