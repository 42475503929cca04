internal import BatchCore
internal import BatchLedger
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
            actor: SystemActor.name,
            sleep: { usleep(UInt32(clamping: $0 * 1_000)) }, reach: KillPoint.reach)
    }
}
