import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What a batch may not do, and what is left when it fails.
@Suite struct GatewayTests {
    private func bench(_ setup: String, _ folder: TemporaryFolder) throws -> Bench {
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute(setup)
        return try Bench(folder.file("app.db"), spillFolder: folder.path)
    }

    @Test(arguments: [
        ("BEGIN", "one transaction already"), ("COMMIT", "one transaction already"),
        ("ROLLBACK", "one transaction already"),
        ("SAVEPOINT s", "SAVEPOINT"), ("RELEASE s", "SAVEPOINT"), ("ATTACH ':memory:' AS x", "attach"),
        ("DETACH x", "detach"),
        ("PRAGMA journal_mode = DELETE", "journal_mode"), ("PRAGMA foreign_keys = OFF", "foreign_keys"),
        ("PRAGMA writable_schema = ON", "writable_schema"), ("SELECT load_extension('x')", "brings in code"),
        ("DELETE FROM batchmgr_undo", "batchmgr_undo"),
        ("UPDATE BatchMgr_meta SET value = 1", "ledger belongs to batchmgr"),
        ("DROP TABLE batchmgr_audit", "batchmgr_audit"), ("CREATE INDEX x ON batchmgr_undo(block)", "batchmgr_undo"),
        ("CREATE TABLE batchmgr_mine(a)", "begins with batchmgr_"),
        ("CREATE TRIGGER x AFTER INSERT ON batchmgr_undo BEGIN SELECT 1; END", "batchmgr_undo"),
        ("ALTER TABLE t RENAME TO batchmgr_t", "begins with batchmgr_"),
    ]) func forbiddenStatementsAreRefusedWithTheReason(_ sql: String, _ reason: String) throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a)", folder)
        let before = bench.dump()
        #expect { try bench.run("bad", "INSERT INTO t VALUES(1); " + sql) } throws: {
            ($0 as? BatchError)?.code == .forbiddenStatement && "\($0)".contains(reason)
        }
        #expect(bench.dump() == before)
        #expect(try bench.staleDigests() == [])
    }

    @Test func aFailingStatementLeavesNothing() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1), (2)", folder)
        let before = bench.dump()
        #expect { try bench.run("bad", "DELETE FROM t WHERE a = 1; INSERT INTO t VALUES(5), (6), (2)") } throws: {
            ($0 as? BatchError)?.code == .constraint
        }
        #expect(bench.dump() == before)
        #expect(try bench.ledger.checkpoints(where: "1", []) == [])
        try bench.run("good", "INSERT INTO t VALUES(5)")
        #expect(try bench.staleDigests() == [])
    }

    @Test func aCheckpointWithAFailedStatementCannotBeCommitted() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1), (2)", folder)
        let before = bench.dump()
        try bench.gateway.begin()
        #expect(throws: BatchError.self) { try bench.gateway.run(script: "INSERT INTO t VALUES(5), (6), (2)") }
        #expect(throws: BatchError.self) {
            try bench.gateway.commit(batch: 1, number: 1, step: "s", at: Timestamp(milliseconds: 0))
        }
        bench.gateway.rollback()
        #expect(bench.dump() == before)
    }

    @Test func aBatchLargerThanTheSpillThresholdIsUndone() throws {
        let folder = TemporaryFolder()
        let bench = try bench(
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO t SELECT i, randomblob(100000) FROM n",
            folder)
        let before = try StateDigest.compute(bench.connection)
        let run = try bench.run("big", "UPDATE t SET b = x'00' WHERE a % 2; DELETE FROM t WHERE a % 2 = 0")
        #expect(try bench.connection.value("SELECT sum(length(data)) > 30000000 FROM batchmgr_undo") == .integer(1))
        try bench.undo(run)
        #expect(try StateDigest.compute(bench.connection) == before)
        #expect(try bench.staleDigests() == [])
    }

    @Test func aDamagedUndoBlockIsReportedAndChangesNothing() throws {
        let folder = TemporaryFolder()
        let bench = try bench("CREATE TABLE t(a); INSERT INTO t VALUES(1)", folder)
        let run = try bench.run("first", "UPDATE t SET a = 2")
        try bench.connection.execute("UPDATE batchmgr_undo SET data = zeroblob(length(data))")
        let before = bench.dump()
        #expect { try bench.undo(run) } throws: { ($0 as? BatchError)?.code == .corruptRecord }
        #expect(bench.dump() == before)
        try bench.connection.execute("DELETE FROM batchmgr_undo")
        #expect(throws: BatchError.self) { try bench.undo(run) }
        #expect(bench.dump() == before)
    }

    @Test(arguments: ["not_a_db.db", "corrupt_page.db"]) func filesThatAreNoDatabaseGiveAClearError(_ name: String)
        throws
    {
        guard let source = SharedData.database("weird/" + name) else { return }
        let folder = TemporaryFolder()
        let path = folder.copy(database: source, as: "app.db")
        #expect { _ = try Bench(path, spillFolder: folder.path) } throws: {
            [.notADatabase, .corruptDatabase].contains(($0 as? BatchError)?.code)
        }
    }
}
