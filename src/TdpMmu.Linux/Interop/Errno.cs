namespace TdpMmu.Linux;

/// <summary>Error numbers of Linux (the same on x86-64 and arm64) and their names.</summary>
internal static class Errno
{
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int ESRCH = 3;
    internal const int EINTR = 4;
    internal const int EBADF = 9;
    internal const int EAGAIN = 11;
    internal const int ENOMEM = 12;
    internal const int EACCES = 13;
    internal const int EFAULT = 14;
    internal const int EBUSY = 16;
    internal const int EEXIST = 17;
    internal const int ENODEV = 19;
    internal const int EINVAL = 22;
    internal const int EMFILE = 24;
    internal const int ENOTTY = 25;
    internal const int ENOSPC = 28;
    internal const int EPIPE = 32;
    internal const int ENOSYS = 38;
    internal const int EOPNOTSUPP = 95;
    internal const int EHWPOISON = 133;

    /// <summary>The symbolic name of an error number, or its decimal value where this table does not list it.</summary>
    internal static string Name(int errno) => errno switch
    {
        EPERM => "EPERM",
        ENOENT => "ENOENT",
        ESRCH => "ESRCH",
        EINTR => "EINTR",
        5 => "EIO",
        6 => "ENXIO",
        EBADF => "EBADF",
        EAGAIN => "EAGAIN",
        ENOMEM => "ENOMEM",
        EACCES => "EACCES",
        EFAULT => "EFAULT",
        EBUSY => "EBUSY",
        EEXIST => "EEXIST",
        ENODEV => "ENODEV",
        EINVAL => "EINVAL",
        23 => "ENFILE",
        EMFILE => "EMFILE",
        ENOTTY => "ENOTTY",
        27 => "EFBIG",
        ENOSPC => "ENOSPC",
        30 => "EROFS",
        EPIPE => "EPIPE",
        ENOSYS => "ENOSYS",
        75 => "EOVERFLOW",
        EOPNOTSUPP => "EOPNOTSUPP",
        EHWPOISON => "EHWPOISON",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"errno {errno}"),
    };
}
