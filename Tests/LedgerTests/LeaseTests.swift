import BatchCore
import BatchLedger
import TestSupport
import Testing

@Suite struct LeaseTests {
    private static let time = Timestamp(milliseconds: 1_000_000)

    private static func id() -> String { "\(UInt64.random(in: .min ... .max))" }

    private static func take(
        _ connection: Connection, _ work: LeaseWork = LeaseWork("run"),
        rules: Lease.Rules = Lease.Rules(pause: { _ in })
    ) throws -> Lease {
        try Lease.take(try Ledger(connection), for: work, at: time, rules: rules, id: id)
    }

    private static func database() throws -> (folder: TemporaryFolder, path: String) {
        let folder = TemporaryFolder()
        let path = folder.path + "/app.db"
        let connection = try Connection(path: path, mode: .create)
        try connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, n)")
        return (folder, path)
    }

    /// As a process of another container left it, with a clock that was ahead.
    private static func giveAway(_ connection: Connection, _ changes: String = "") throws {
        try connection.execute(
            "UPDATE batchmgr_lease SET process = 1, namespace = 'pid:[1]', beat_at = '2999-01-01T00:00:00.000Z'\(changes)"
        )
    }

    private static func code(_ body: () throws -> Void) -> ErrorCode? {
        do {
            try body()
            return nil
        } catch { return (error as? BatchError)?.code }
    }

    @Test func oneAtATimeAlsoThroughAnotherName() throws {
        let (folder, path) = try Self.database()
        let first = try Connection(path: path)
        let lease = try Self.take(first)
        _ = Shell.run("cd \(folder.path) && ln -s app.db link.db")
        for name in ["app.db", "link.db"] {
            let second = try Connection(path: folder.path + "/" + name)
            #expect(Self.code { _ = try Self.take(second) } == .busy)
        }
        // Two names have two logs.
        _ = Shell.run("cd \(folder.path) && ln app.db hard.db")
        for name in ["app.db", "link.db", "hard.db"] {
            let second = try Connection(path: folder.path + "/" + name)
            #expect(Self.code { _ = try Self.take(second) } == .wrongState)
        }
        _ = Shell.run("rm \(folder.path)/hard.db")
        lease.giveBack()
        let next = try Self.take(try Connection(path: folder.path + "/link.db"))
        #expect(next.epoch == lease.epoch + 1)
    }

    @Test func whoLostTheLeaseWritesNothingMore() throws {
        let (folder, path) = try Self.database()
        defer { withExtendedLifetime(folder) {} }
        let first = try Connection(path: path)
        let lease = try Self.take(first)
        let gateway = try Gateway(first, spillFolder: "/tmp")
        let second = try Connection(path: path)
        try Self.giveAway(second)
        let other = try Self.take(second, rules: Lease.Rules(silence: 0))
        #expect(Self.code { try first.transaction { () throws(BatchError) in } } == .leaseLost)
        #expect(Self.code { try gateway.begin() } == .leaseLost)
        #expect(first.isAutocommit)
        lease.giveBack()
        #expect(try LeaseTable(second).read()?.epoch == other.epoch)
        #expect(try LeaseTable(second).read()?.isHeld == true)
    }

    @Test func anOwnerElsewhereIsAskedAndKeepsTheLeaseWhenItAnswers() throws {
        let (folder, path) = try Self.database()
        defer { withExtendedLifetime(folder) {} }
        let owner = try Connection(path: path)
        let lease = try Self.take(owner)
        let other = try Connection(path: path)
        try Self.giveAway(other)
        #expect(Self.code { _ = try Self.take(other, rules: Lease.Rules(silence: 1)) } == .busy)
        // Any transaction of the owner answers.
        try owner.transaction { () throws(BatchError) in }
        try other.execute("UPDATE batchmgr_lease SET asked_at = asked_at - 1000")
        #expect(Self.code { _ = try Self.take(other, rules: Lease.Rules(silence: 1)) } == .busy)
        #expect(try LeaseTable(try Connection(path: path)).answer(lease.epoch, at: Self.time).isOurs)
        try other.execute("UPDATE batchmgr_lease SET asked_at = asked_at - 1000")
        #expect(Self.code { _ = try Self.take(other, rules: Lease.Rules(silence: 1)) } == .busy)
        // It does not answer any more.
        try other.execute("UPDATE batchmgr_lease SET asked_at = asked_at - 1000")
        #expect(Self.code { _ = try Self.take(other, rules: Lease.Rules(silence: 1)) } == nil)
    }

    @Test(arguments: [
        "process = NULL", "process = 4000000, started = '1'", "boot = 'earlier'",
        "process = NULL, boot = 'earlier', namespace = 'pid:[1]', machine = 'other'",
    ])
    func whatIsGivenBackOrDeadIsTakenAtOnce(change: String) throws {
        let (folder, path) = try Self.database()
        defer { withExtendedLifetime(folder) {} }
        try Self.take(try Connection(path: path)).forget()
        let connection = try Connection(path: path)
        try connection.execute("UPDATE batchmgr_lease SET machine = 'same' WHERE machine = ''")
        // A machine without a name cannot know that it was switched on again.
        if try connection.value("SELECT machine FROM batchmgr_lease")?.string == "same", change == "boot = 'earlier'" {
            return
        }
        try connection.execute("UPDATE batchmgr_lease SET beat_at = '2999-01-01T00:00:00.000Z', \(change)")
        #expect(Self.code { _ = try Self.take(connection) } == nil)
    }

    @Test func aHostThatLetGoOfItsBatchIsFoundOut() throws {
        let (folder, path) = try Self.database()
        defer { withExtendedLifetime(folder) {} }
        let host = try Connection(path: path)
        let lease = try Self.take(host, LeaseWork(LeaseWork.host))
        let other = try Connection(path: path)
        // It commits a checkpoint while the other waits.
        let rules = Lease.Rules(pause: { _ in
            try? (try? Connection(path: path))?.execute("UPDATE batchmgr_lease SET beat = beat + 1")
        })
        #expect(Self.code { _ = try Self.take(other, rules: rules) } == .busy)
        #expect(Self.code { _ = try Self.take(other) } == nil)
        #expect(
            Self.code { try host.transaction { () throws(BatchError) in try lease.renew(at: Self.time) } } == .leaseLost
        )
    }
}
