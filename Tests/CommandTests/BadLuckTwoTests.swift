import BatchCore
import TestSupport
import Testing

/// Two processes at one database, and people who want a batch to stop.
@Suite struct BadLuckTwoTests {
    /// Says `held`, and goes on when there is a file `go`.
    private static let hold = "[sh, -c, 'touch held; while [ ! -e go ]; do sleep 0.02; done']"

    private static let slow = """
        steps:
          - id: rows
            for_each: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) SELECT i FROM n
            chunk: 1
            sql: INSERT INTO log(what) SELECT :i FROM (\(count(200_000)))
        """

    /// A query that keeps the processor busy for a while.
    private static func count(_ limit: Int) -> String {
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < \(limit)) SELECT count(*) FROM c"
    }

    /// Shell text that waits, for 20 seconds at most, until a condition of `test` holds.
    private static func wait(_ condition: String) -> String {
        "for i in $(seq 1000); do [ \(condition) ] && break; sleep 0.02; done"
    }

    private static let chunkIsDone = wait(
        "\"$(sqlite3 -cmd '.timeout 5000' app.db 'SELECT count(*) FROM log' 2>/dev/null)\" -gt 2")

    @Test func oneWorksAndTheOthersAreToldToWait() throws {
        let job = "steps:\n  - {id: hold, exec: \(BadLuckTwoTests.hold)}\n  - {id: a, sql: UPDATE items SET qty = 0}"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            try scene.expect(0, "run", "--id", "before", "--sql", "UPDATE items SET price = 0")
            let result = try scene.shell(
                """
                "$TOOL" run --id job > first & one=$!
                \(BadLuckTwoTests.wait("-e held"))
                "$TOOL" run --id multi 2> second; echo $?
                "$TOOL" rollback --id before 2> third; echo $?
                "$TOOL" list > /dev/null; echo $?
                touch go; wait $one; echo $?
                """)
            #expect(result.out == "75\n75\n0\n0\n", "\(result.err)")
            for file in ["second", "third"] {
                let text = try scene.shell("cat \(file)").out
                #expect(text.hasPrefix("error: ERR_PERF_BUSY: job.1 is running on "))
                #expect(text.contains("hint: wait for it, or stop it: batchmgr stop --id job.1\n"))
            }
            #expect(try scene.status("job.1") == "committed")
            #expect(try scene.status("multi.1") == nil)
            try scene.expect(0, "run", "--id", "multi")
            try scene.expectWhole("after both")
        }
    }

    @Test func manyAtOnceEachRunWholeOrNotAtAll() throws {
        try BadLuckScene.with { scene in
            let result = try scene.shell(
                """
                for i in 1 2 3 4 5 6; do
                  ( "$TOOL" run --id add --sql 'UPDATE items SET qty = qty + 1' > /dev/null 2>&1; echo $? ) &
                done; wait
                """)
            let codes = result.out.split(separator: "\n")
            let done = codes.count { $0 == "0" }
            #expect(codes.count == 6 && codes.allSatisfy { $0 == "0" || $0 == "75" }, "\(codes)")
            #expect(done >= 1)
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "\(15 + 5 * done)")
            try scene.expectWhole("after all")
        }
    }

    @Test func theLeaseOfADeadProcessIsTakenOverAtOnce() throws {
        let job = "steps:\n  - {id: hold, exec: \(BadLuckTwoTests.hold)}\n  - {id: a, sql: UPDATE items SET qty = 0}"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id job & one=$!
                \(BadLuckTwoTests.wait("-e held"))
                kill -KILL $one; wait $one; touch go
                """)
            #expect(result.code == 0)
            try scene.expect(0, "run", "--id", "multi")
            #expect(try scene.status("job.1") == "stopped")
            try scene.expect(0, "resume", "--id", "job")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "0")
        }
    }

    @Test func anotherProgramThatHoldsTheLockIsWaitedForAndThenSaid() throws {
        try BadLuckScene.with { scene in
            let result = try scene.shell(
                """
                (echo 'BEGIN IMMEDIATE;'; touch begun; \(BadLuckTwoTests.wait("-e go"))) | sqlite3 app.db & one=$!
                \(BadLuckTwoTests.wait("-e begun")); sleep 0.2
                "$TOOL" run --id multi 2> second; echo $?
                touch go; wait $one
                """)
            #expect(result.out == "75\n")
            #expect(try scene.shell("cat second").out.hasPrefix("error: ERR_PERF_BUSY: "))
            try scene.expect(0, "run", "--id", "multi")
            try scene.expectWhole("afterwards")
        }
    }

    /// The shell of SQLite does not wait for a lock, and a reader keeps a writer from its commit where there is no log.
    @Test(arguments: ["delete", "truncate", "persist", "wal"])
    func aProgramThatDoesNotWaitForLocksMayWriteTheDatabase(journal: String) throws {
        let writes = "yes 'UPDATE items SET qty = qty + 1 WHERE id = 1;' | head -n 30000"
        let job = """
            steps:
              - id: write
                exec: [sh, -c, "(echo 'PRAGMA synchronous=off;'; \(writes)) | sqlite3 -bail app.db"]
                undo: ["true"]
            """
        try BadLuckScene.with(journal: journal, jobs: ["writes": job]) { scene in
            let before = Int(try scene.sql("SELECT qty FROM items WHERE id = 1")) ?? 0
            try scene.expect(0, "run", "--id", "writes")
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") == String(before + 30_000))
        }
    }

    /// Where nobody may read meanwhile, as where anybody may.
    @Test(arguments: ["delete", "wal"])
    func aProgramIsStoppedWithinASecond(journal: String) throws {
        let job = "steps:\n  - {id: wait, exec: [sleep, \"60\"], undo: [\"true\"]}"
        try BadLuckScene.with(journal: journal, jobs: ["waits": job]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id waits 2> first & one=$!
                \(BadLuckTwoTests.wait("-n \"$(sqlite3 app.db 'SELECT batch FROM batchmgr_lease WHERE process > 0')\""))
                "$TOOL" stop --id waits.1 >/dev/null; echo $?
                wait $one; echo $?
                """)
            #expect(result.out == "0\n130\n", "\(result.err)")
            #expect(try scene.status("waits.1") == "stopped")
        }
    }

    // MARK: Stops

    @Test(arguments: ["kill -TERM $one", "kill -INT $one", "\"$TOOL\" stop --id slow > /dev/null"])
    func aStopIsObeyedAtTheNextCheckpointAndTheBatchGoesOnFromThere(how: String) throws {
        try BadLuckScene.with(journal: "wal", jobs: ["slow": BadLuckTwoTests.slow]) { scene in
            // A shell without job control starts background programs with SIGINT ignored; the tool installs its own.
            let result = try scene.shell(
                """
                "$TOOL" run --id slow 2> first & one=$!
                \(BadLuckTwoTests.chunkIsDone)
                \(how); wait $one; echo $?
                """)
            #expect(result.out == "130\n", "\(result.err)")
            let text = try scene.shell("cat first").out
            #expect(text.contains("ERR_PERF_STOPPED: batch slow.1 stopped after checkpoint "), "\(text)")
            #expect(text.contains("hint: continue it: batchmgr resume --id slow.1"))
            #expect(try scene.status("slow.1") == "stopped")
            let done = Int(try scene.sql("SELECT count(*) FROM log")) ?? 0
            #expect(done > 2 && done < 60)
            try scene.expectWhole("after the stop")
            try scene.expect(0, "resume", "--id", "slow.1")
            #expect(try scene.sql("SELECT count(*), count(DISTINCT what) FROM log") == "60|60")
            try scene.expectWhole("after the resume")
        }
    }

    @Test func aSecondSignalAbortsTheOpenTransaction() throws {
        let sql = "INSERT INTO log(what) SELECT 1 FROM (\(BadLuckTwoTests.count(2_000_000_000)))"
        let job = """
            steps:
              - {id: mark, exec: [touch, held]}
              - id: long
                sql: \(sql)
              - {id: end, sql: UPDATE items SET qty = qty}
            """
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id job 2> first & one=$!
                \(BadLuckTwoTests.wait("-e held")); sleep 0.3
                kill -TERM $one; sleep 0.3; kill -0 $one && echo works on
                kill -TERM $one; wait $one; echo $?
                """)
            #expect(result.out == "works on\n130\n", "\(result.err)")
            let text = try scene.shell("cat first").out
            #expect(text.contains("batch job.1 stopped in step long, after checkpoint 1"), "\(text)")
            #expect(try scene.status("job.1") == "stopped")
            #expect(try scene.sql("SELECT count(*) FROM log") == "0")
            try scene.expectWhole("after it")
        }
    }

    @Test func theFirstSignalIsAnsweredAndAbortsACheckpointThatIsTheLast() throws {
        let sql = "INSERT INTO log(what) SELECT 1 FROM (\(BadLuckTwoTests.count(2_000_000_000)))"
        let job = "steps:\n  - {id: mark, exec: [touch, held]}\n  - id: long\n    sql: \(sql)"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id job 2> first & one=$!
                \(BadLuckTwoTests.wait("-e held")); sleep 0.3
                kill -TERM $one; wait $one; echo $?
                """)
            #expect(result.out == "130\n", "\(result.err)")
            let text = try scene.shell("cat first").out
            #expect(text.contains("stopping: the open checkpoint is the last one, so it is rolled back"), "\(text)")
            #expect(text.contains("batch job.1 stopped in step long, after checkpoint 1"), "\(text)")
            #expect(try scene.status("job.1") == "stopped")
        }
    }

    @Test func aRunningBatchIsStoppedBeforeItIsRolledBack() throws {
        try BadLuckScene.with(journal: "wal", jobs: ["slow": BadLuckTwoTests.slow]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id slow 2> first & one=$!
                \(BadLuckTwoTests.chunkIsDone)
                "$TOOL" rollback --id slow.1 > second 2>&1; echo $?
                wait $one; echo $?
                """)
            let second = try scene.shell("cat second").out
            #expect(result.out == "0\n130\n", "\(second)")
            #expect(try scene.status("slow.1") == "rolled_back")
            #expect(try scene.sql("SELECT count(*) FROM log") == "0")
            try scene.expectWhole("after it")
        }
    }

    @Test func aStopDuringTheWaitOfARetryIsAStopAndNoFailure() throws {
        let job = "steps:\n  - id: a\n    exec: [sh, -c, 'touch held; exit 1']\n    retry: {max: 3, backoff: 60s}\n"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id job 2> first & one=$!
                \(BadLuckTwoTests.wait("-e held")); sleep 0.2
                kill -TERM $one; wait $one; echo $?
                """)
            let first = try scene.shell("cat first").out
            #expect(result.out == "130\n", "\(first)")
            #expect(try scene.status("job.1") == "stopped")
        }
    }
}
