internal import BatchCore
internal import CLinux
internal import Glibc

extension Context {
    /// The real clock, the kernel's random numbers and the user of this process.
    public static func system() -> Context {
        Context(
            now: { Timestamp(milliseconds: Int64(clinux_wall_milliseconds())) }, clock: .system,
            randomID: {
                var generator = SystemRandomNumberGenerator()
                return Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
            },
            actor: systemActor(),
            sleep: { usleep(UInt32(clamping: $0 * 1_000)) }, reach: KillPoint.reach)
    }

    private static func systemActor() -> String {
        if let name = getenv("BATCHMGR_ACTOR").map({ String(cString: $0) }), !name.isEmpty { return name }
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name { return String(cString: name) }
        return "uid:\(getuid())"
    }
}
