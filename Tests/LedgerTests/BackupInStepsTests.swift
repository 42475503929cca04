import BatchCore
import BatchLedger
import TestSupport
import Testing

/// A copy of a database in rollback-journal mode gives the lock back between its steps.
@Suite struct BackupInStepsTests {
    private func with(_ body: (_ source: Connection, _ writer: Connection, _ copy: Connection) throws -> Void) throws {
        let folder = TemporaryFolder()
        let made = try Connection(path: folder.file("a.db"), mode: .create)
        try made.execute(
            "PRAGMA journal_mode = delete; PRAGMA synchronous = OFF; CREATE TABLE log(a); CREATE TABLE t(v)")
        try made.execute(
            "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) INSERT INTO t SELECT zeroblob(4000) FROM n"
        )
        let writer = try Connection(path: folder.file("a.db"), busyTimeout: 0)
        try writer.execute("PRAGMA synchronous = OFF")
        let source = try Connection(path: folder.file("a.db"), mode: .readOnly)
        try body(source, writer, try Connection(path: folder.file("copy.db"), mode: .create))
    }

    @Test func whoWritesBetweenTwoStepsIsInTheCopy() throws {
        try with { source, writer, copy in
            var steps = 0
            var met: [ErrorCode] = []
            let isDone = try source.backup(inStepsTo: copy) {
                steps += 1
                guard steps == 3 else { return }
                do throws(BatchError) { try writer.run("INSERT INTO log VALUES(1)") } catch { met.append(error.code) }
            }
            #expect(isDone)
            #expect(met == [])
            #expect(steps > 5)
            #expect(try copy.value("SELECT count(*) FROM log")?.integer == 1)
            #expect(try copy.value("SELECT count(*) FROM t")?.integer == 2_500)
            #expect(try copy.value("PRAGMA integrity_check")?.string == "ok")
        }
    }

    @Test func whoWritesBetweenAllStepsEndsTheTries() throws {
        try with { source, writer, copy in
            var written: Int64 = 0
            let isDone = try source.backup(inStepsTo: copy) {
                if (try? writer.run("INSERT INTO log VALUES(1)")) != nil { written += 1 }
            }
            #expect(!isDone)
            #expect(written > 0)
            #expect(try source.value("SELECT count(*) FROM log")?.integer == written)
        }
    }
}
