import BatchControl
import BatchCore
import BatchLedger
import BatchSystem
import Glibc
import TestSupport
import Testing

/// The format of `control.db`.
struct ControlFormatTests {
    /// As version 0.1 left it where nobody had made a plan: no number, and no table of plans.
    private static let before = """
        PRAGMA journal_mode = WAL;
        CREATE TABLE leases(
            database TEXT PRIMARY KEY, process INTEGER NOT NULL, started_at TEXT NOT NULL, machine TEXT NOT NULL,
            work TEXT NOT NULL, beat_at INTEGER NOT NULL, epoch INTEGER NOT NULL,
            stop INTEGER NOT NULL DEFAULT 0) STRICT;
        CREATE TABLE fingerprints(database TEXT PRIMARY KEY, fingerprint TEXT NOT NULL) STRICT;
        CREATE TABLE workspace(one INTEGER PRIMARY KEY CHECK(one = 1), id TEXT NOT NULL) STRICT;
        CREATE TABLE switches(
            name TEXT PRIMARY KEY, value TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL,
            set_at TEXT NOT NULL, expires_at TEXT) STRICT, WITHOUT ROWID;
        CREATE TABLE switch_history(
            seq INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, actor TEXT NOT NULL,
            reason TEXT NOT NULL, set_at TEXT NOT NULL, expires_at TEXT, old TEXT NOT NULL) STRICT;
        INSERT INTO workspace VALUES(1, 'w');
        INSERT INTO switches VALUES('safe_mode', 'on', 'bob', 'move', '2026-01-02T03:04:05.000Z', NULL);
        INSERT INTO switch_history(name, value, actor, reason, set_at, old)
            VALUES('safe_mode', 'on', 'bob', 'move', '2026-01-02T03:04:05.000Z', 'off');
        INSERT INTO fingerprints VALUES('/a.db', 'print')
        """

    /// What steps 16 and 17 have added goes.
    private static let asBefore = """
        DROP INDEX queue_begun; ALTER TABLE queue_jobs DROP COLUMN trace; ALTER TABLE queue_jobs DROP COLUMN enqueued_in; PRAGMA user_version = 15
        """

    private func version(_ path: String) throws -> Int64? {
        try Connection(path: path, mode: .readOnly).value("PRAGMA user_version")?.integer
    }

    @Test func aFileWithoutANumberIsTakenOver() throws {
        try ControlScene.with { path in
            try Connection(path: path, mode: .create).execute(ControlFormatTests.before)
            let file = try ControlScene.open(path)
            #expect(try version(path) == 20)
            #expect(try file.workspaceID() == "w")
            #expect(try file.switches().value(of: .safeMode(.everywhere), at: ControlScene.now) == .on)
            #expect(try file.switchHistory().map(\.old) == [.off])
            // Where the lease is in the database, the old looks of files say nothing.
            #expect(try file.fingerprint(of: "/a.db") == nil)
            #expect(try file.plans().isEmpty)
            _ = try file.addPlan { ControlScene.plan($0) }
            #expect(try file.plans().count == 1)
        }
    }

    @Test func aNewerFormatIsRefusedAndLeftAlone() throws {
        try ControlScene.with { path in
            _ = try ControlScene.open(path)
            try Connection(path: path).execute("PRAGMA user_version = 99")
            let error = #expect(throws: BatchError.self) { try ControlScene.open(path) }
            #expect(error?.code == .corruptLedger)
            #expect(error?.message.contains("format 99") == true)
            #expect(try version(path) == 99)
        }
    }

    /// Jobs that were queued before a job knew the trace of what queued it.
    @Test func jobsOfTheFormatBeforeAreTakenOver() throws {
        try ControlScene.with { path in
            do {
                let file = try ControlScene.open(path)
                _ = try file.enqueue(
                    QueueOrder(job: "old", runAt: ControlScene.now), actor: "ann", at: ControlScene.now)
                try file.connection.execute(ControlFormatTests.asBefore)
            }
            let file = try ControlScene.open(path)
            #expect(try version(path) == 20)
            #expect(try version(path + ".format15") == 15)
            let old = try #require(try file.queueJob(1))
            #expect(old.order.job == "old" && old.order.origin == nil)
            var order = QueueOrder(job: "new", runAt: ControlScene.now)
            order.origin = TraceOrigin(
                traceID: "0123456789abcdef0123456789abcdef", spanID: "0123456789abcdef")
            let new = try file.enqueue(order, actor: "ann", at: ControlScene.now).job
            #expect(new.order.origin == order.origin)
            #expect(try file.queueJob(1) == old)
        }
    }

    /// In a container each process has the number of one before it.
    @Test func whatAKilledProcessOfTheSameNumberLeftIsInNobodysWay() throws {
        try ControlScene.with { path in
            do {
                let file = try ControlScene.open(path)
                try file.connection.execute(ControlFormatTests.asBefore)
            }
            try TextFile.write("half a copy", to: "\(path).format15.\(getpid())")
            #expect(chmod(path, 0o600) == 0)
            _ = try ControlScene.open(path)
            #expect(try version(path) == 20 && version(path + ".format15") == 15)
            #expect(FileStatus(path + ".format15")?.permissions == 0o600)
        }
    }

    @Test func openingTheCurrentFormatWritesNothing() throws {
        try ControlScene.with { path in
            let first = try ControlScene.open(path)
            let version = first.connection.dataVersion
            _ = try ControlScene.open(path)
            #expect(first.connection.dataVersion == version)
        }
    }
}
