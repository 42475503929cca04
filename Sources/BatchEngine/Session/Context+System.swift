internal import BatchCore
internal import BatchLedger
internal import BatchSystem

extension Context {
    /// The real clock, the kernel's random numbers and the user of this process.
    public static func system() -> Context {
        var context = Context(
            now: { WallClock.now }, clock: .system,
            randomID: {
                var generator = SystemRandomNumberGenerator()
                return Hex.string(generator.next() as UInt64) + Hex.string(generator.next() as UInt64)
            },
            actor: SystemActor.name,
            sleep: { WallClock.sleep(milliseconds: $0) }, reach: KillPoint.reach)
        context.zone = .system
        context.letsGo = Environment.value("BATCHMGR_KEEP") != "all"
        return context
    }
}
