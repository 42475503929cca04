import BatchCore
import TestSupport
import Testing

/// Runs that do not go well, and what is left of them.
@Suite struct BadLuckRunTests {
    // MARK: Steps that fail

    @Test(arguments: [
        ("sql: UPDATE items SET qty = 0; INSERT INTO items(id) VALUES(1)", ErrorCode.constraint, "UNIQUE"),
        ("sql: UPDATE items SET qty = 0; UPDAT items", .sql, "syntax error"),
        ("sql: UPDATE items SET qty = 0; COMMIT", .forbiddenStatement, ""),
        ("sql: UPDATE items SET qty = 0; DELETE FROM batchmgr_batches", .forbiddenStatement, ""),
        ("check: SELECT id FROM items WHERE qty > 3", .checkFailed, "found 2 rows"),
        ("check: DELETE FROM items", .forbiddenStatement, "changes data"),
        ("exec: [sh, -c, 'echo no luck >&2; exit 3']", .commandFailed, "exit status 3: no luck"),
    ])
    func aStepThatFailsKeepsEarlierCheckpointsAndNothingOfItsOwn(step: String, code: ErrorCode, text: String) throws {
        let job = "steps:\n  - id: good\n    sql: UPDATE items SET price = 0 WHERE id = 1\n  - id: bad\n    \(step)\n"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.expect(code, "run", "--id", "job")
            #expect(result.err.contains(text))
            #expect(try scene.status("job.1") == "failed")
            #expect(try scene.sql("SELECT price FROM items WHERE id = 1") == "0")
            #expect(try scene.sql("SELECT sum(qty), count(*) FROM items") == "15|5")
            try scene.expectWhole(step)
            try scene.expect(0, "rollback", "--id", "job.1")
            #expect(try scene.sql("SELECT price FROM items WHERE id = 1") == "10")
            try scene.expectWhole(step)
        }
    }

    @Test(arguments: [
        ("logs/batchmgr.log", false), ("history.git/config", true), ("history.git/HEAD", true),
        ("history.git/refs/heads/main", true),
    ])
    func aPipeInPlaceOfAFileIsNotWaitedFor(name: String, isOfHistory: Bool) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "one", "--sql", "UPDATE items SET qty = 1")
            let place = "backups/batch_manager/" + name
            #expect(try scene.shell("rm \(place) && mkfifo \(place)").code == 0)
            #expect(try scene.tool("verify").code == (isOfHistory ? 6 : 0))
            // The .bak is there, and git can wait.
            #expect(
                try scene.tool("run", "--id", "two", "--sql", "UPDATE items SET qty = 2").code == (isOfHistory ? 8 : 0))
            #expect(try scene.sql("SELECT max(qty) FROM items") == "2")
        }
    }

    @Test func aFailureNamesTheStepAndTheBatch() throws {
        try BadLuckScene.with { scene in
            let result = try scene.expect(
                .constraint, "run", "--id", "twice", "--sql", "INSERT INTO items(id) VALUES(1)")
            #expect(result.err.contains("of twice.1: UNIQUE constraint failed: items.id"))
        }
    }

    @Test func aConstraintInAChunkKeepsTheChunksBefore() throws {
        let job = """
            steps:
              - id: rows
                for_each: SELECT id FROM items ORDER BY id
                chunk: 2
                sql: INSERT INTO log(id, what) VALUES(10 + :id, 'row'); UPDATE items SET qty = 100 WHERE id = :id
            """
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            try scene.sql("INSERT INTO log VALUES(14, 'in the way')")
            try scene.expect(.constraint, "run", "--id", "job")
            #expect(try scene.sql("SELECT group_concat(id) FROM items WHERE qty = 100") == "1,2")
            try scene.sql("DELETE FROM log WHERE id = 14")
            try scene.expect(0, "resume", "--id", "job.1")
            #expect(try scene.sql("SELECT group_concat(id) FROM log") == "11,12,13,14,15")
            #expect(try scene.status("job.1") == "committed")
            try scene.expectWhole("after the resume")
        }
    }

    @Test func aVerifyQueryThatDoesNotHoldFailsTheBatch() throws {
        let job =
            "steps:\n  - {id: a, sql: UPDATE items SET qty = NULL}\nverify: [SELECT count(*) = 0 FROM items WHERE qty IS NULL]"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            try scene.expect(.verificationFailed, "run", "--id", "job")
            #expect(try scene.status("job.1") == "failed")
            try scene.expect(0, "rollback", "--id", "job.1")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "15")
        }
    }

    @Test func onFailureRollbackTakesBackWhatWasCommitted() throws {
        let job = """
            on_failure: rollback
            steps:
              - {id: a, sql: UPDATE items SET qty = 0}
              - {id: tell, exec: [sh, -c, 'echo told >> told'], undo: [sh, -c, 'echo untold >> told']}
              - {id: never, check: SELECT 1}
            """
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            let result = try scene.expect(.checkFailed, "run", "--id", "job")
            #expect(result.err.contains("what it had committed was rolled back"))
            #expect(try scene.status("job.1") == "rolled_back")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "15")
            #expect(try scene.shell("cat told").out == "told\nuntold\n")
            try scene.expectWhole("after it")
        }
    }

    @Test func aStepIsTriedAgainAsOftenAsItsRetrySays() throws {
        func job(_ maximum: Int) -> String {
            let program = "[sh, -c, 'echo try >> tries; [ $(wc -l < tries) -ge 3 ]']"
            return "steps:\n  - id: a\n    exec: \(program)\n    retry: {max: \(maximum), backoff: 10ms}\n"
        }
        try BadLuckScene.with(jobs: ["enough": job(2), "few": job(1)]) { scene in
            try scene.expect(.commandFailed, "run", "--id", "few")
            #expect(try scene.shell("wc -l < tries; rm tries").out == "2\n")
            try scene.expect(0, "run", "--id", "enough")
            #expect(try scene.shell("wc -l < tries").out == "3\n")
        }
    }

    @Test(arguments: [
        "sql: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO log(what) SELECT i FROM n",
        "exec: [sleep, '60']",
    ])
    func aStepThatTakesTooLongIsEnded(step: String) throws {
        let ofStep = "steps:\n  - id: a\n    \(step)\n    timeout: 300ms\n"
        let ofBatch = "timeout: 300ms\nsteps:\n  - id: a\n    \(step)\n"
        try BadLuckScene.with(jobs: ["slow": ofStep, "long": ofBatch]) { scene in
            for job in ["slow", "long"] {
                try scene.expect(.timeout, "run", "--id", job)
                #expect(try scene.status("\(job).1") == "failed")
                #expect(try scene.sql("SELECT count(*) FROM log") == "0")
            }
            try scene.expectWhole("after it")
        }
    }

    // MARK: Asked for wrongly, or for nothing

    @Test func whatIsMissingIsSaidBeforeAnythingChanges() throws {
        let jobs = [
            "param": "params: {x: {type: integer}}\nsteps:\n  - {id: a, sql: UPDATE items SET qty = :x}",
            "tenant": "tenant: required\nsteps:\n  - {id: a, sql: UPDATE items SET qty = 0 WHERE :tenant = 'a'}",
        ]
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.expect(.wrongState, "run", "--id", "follow")
            try scene.expect(.missingParameter, "run", "--id", "param")
            try scene.expect(.invalidParameter, "run", "--id", "param", "--set", "x=many")
            try scene.expect(.invalidParameter, "run", "--id", "param", "--set", "y=1")
            try scene.expect(.usage, "run", "--id", "tenant")
            try scene.expect(.unknownJob, "run", "--id", "nobody")
            try scene.expect(.usage, "run", "--id", "rollback", "--sql", "SELECT 1")
            try scene.expect(.unknownBatch, "resume", "--id", "multi.1")
            try scene.expect(.unknownBatch, "stop", "--id", "multi.1")
            #expect(try scene.sql("SELECT sum(qty), count(*) FROM items") == "15|5")
            #expect(try scene.status("multi.1") == nil)
            try scene.expect(0, "run", "--id", "param", "--set", "x=7")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "35")
            try scene.expect(.wrongState, "resume", "--id", "param.1")
            try scene.expect(.wrongState, "stop", "--id", "param.1")
        }
    }

    @Test func theSameKeyTwiceDoesNothingAndSaysSo() throws {
        try BadLuckScene.with { scene in
            let words = ["run", "--id", "more", "--key", "k1", "--sql", "UPDATE items SET qty = qty + 1"]
            try scene.expect(0, words)
            #expect(try scene.expect(0, words).out == "more.1 has already run with this key; nothing was done\n")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "20")
            try scene.expect(0, "run", "--id", "more", "--key", "k2", "--sql", "UPDATE items SET qty = qty + 1")
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "25")
        }
    }

    @Test func aKeyIsFreeAgainWhenNothingIsLeftOfItsWork() throws {
        let steps = "steps:\n  - id: a\n    sql: UPDATE items SET qty = qty + 1\n  - id: b\n    check: SELECT 1\n"
        let jobs = ["fails": "on_failure: rollback\n" + steps, "half": steps]
        try BadLuckScene.with(jobs: jobs) { scene in
            let sum = try scene.sql("SELECT sum(qty) FROM items")
            // It changed nothing; it was taken back.
            for number in [1, 2] {
                try scene.expect(
                    1, "run", "--id", "never", "--key", "k", "--sql", "INSERT INTO items SELECT * FROM nowhere")
                #expect(try scene.status("never.\(number)") == "failed")
                try scene.expect(1, "run", "--id", "fails", "--key", "k")
                #expect(try scene.status("fails.\(number)") == "rolled_back")
            }
            #expect(try scene.sql("SELECT sum(qty) FROM items") == sum)
            let words = ["run", "--id", "more", "--key", "k", "--sql", "UPDATE items SET qty = qty + 1"]
            try scene.expect(0, words)
            #expect(try scene.expect(0, words).out.contains("more.1 has already run with this key"))
            // The key is one of the job: what another job does with it is its own affair.
            try scene.expect(0, "run", "--id", "never", "--key", "k", "--sql", "UPDATE items SET qty = qty")
            try scene.expect(.wrongState, "resume", "--id", "never.1")
            // A part that stands holds the key.
            try scene.expect(1, "run", "--id", "half", "--key", "h")
            let half = try scene.expect(.wrongState, "run", "--id", "half", "--key", "h")
            #expect(half.err.contains("hint: continue it: batchmgr resume --id half.1"), "\(half.err)")
        }
    }

    @Test func theWorkOfAKeyIsNotBroughtBackBesideAnother() throws {
        try BadLuckScene.with { scene in
            // Row 100, then row 101: rows do not keep them apart.
            let sql = "INSERT INTO items SELECT 99 + max(seq), 1, 1 FROM batchmgr_batches"
            let words = ["run", "--id", "add", "--key", "k", "--sql", sql]
            try scene.expect(0, words)
            try scene.expect(0, "rollback", "--id", "add.1")
            try scene.expect(0, words)
            let before = try scene.dump()
            let refused = try scene.expect(.wrongState, "rollback", "--id", "rollback.1")
            #expect(refused.err.contains("batchmgr rollback --id add.2"), "\(refused.err)")
            #expect(try scene.dump() == before)
            try scene.expect(0, "rollback", "--id", "add.2")
            try scene.expect(0, "rollback", "--id", "rollback.1")
            #expect(try scene.status("add.1") == "committed")
            #expect(try scene.status("add.2") == "rolled_back")
        }
    }

    @Test func whatCannotBeCompletedIsSaid() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE items SET qty = qty + 1")
            try scene.tool("run", "--id", "more", "--sql", "UPDATE items SET qty = qty + 1", killAt: "bak-written")
            try scene.shell("cd backups/batch_manager && mv history.git away && echo x > history.git")
            let told = try scene.expect(0, "list")
            #expect(told.out.contains("more.1"))
            #expect(told.err.contains("warning: WARN_DATA_PENDING_RESTORE_POINT: work that an earlier command left"))
            #expect(told.err.contains("\nhint: "))
            let log = try scene.shell("grep recovery.left backups/batch_manager/logs/batchmgr.log").out
            #expect(
                log.contains("work that an earlier command left could not be completed: ") && log.contains("\"ERR_"),
                "\(log)")
            try scene.shell("cd backups/batch_manager && rm history.git && mv away history.git")
            #expect(try scene.expect(0, "list").err.isEmpty)
            try scene.expectWhole("completed")
        }
    }

    @Test(arguments: ["delete", "wal"], [false, true])
    func aDryRunShowsItsRowsAndChangesNothing(journal: String, hasLedger: Bool) throws {
        try BadLuckScene.with(journal: journal) { scene in
            if hasLedger { try scene.expect(0, "run", "--id", "before", "--sql", "UPDATE items SET qty = qty") }
            let before = try scene.shell("sqlite3 app.db .dump").out
            let bytes = try scene.shell("sha256sum app.db").out
            let result = try scene.expect(0, "run", "--id", "multi", "--dry-run")
            #expect(result.out.contains("items 1: price 10 → 11, qty 1 → 2"))
            #expect(result.out.contains("- items 5"))
            let document = try scene.json("run", "--id", "multi", "--dry-run")
            #expect(document["dry_run"]?.bool == true)
            #expect(try scene.shell("sha256sum app.db").out == bytes)
            #expect(try scene.shell("sqlite3 app.db .dump").out == before)
            #expect(try scene.hasLedger() == hasLedger)
        }
    }

    // MARK: Effects beside the database

    @Test func anExportIsWrittenAndRegistered() throws {
        let job = "steps:\n  - {id: out, export: {query: SELECT id FROM items WHERE id < 3, file: out/ids.csv}}"
        try BadLuckScene.with(jobs: ["job": job]) { scene in
            try scene.expect(0, "run", "--id", "job")
            #expect(try scene.shell("tr '\\r' '|' < out/ids.csv").out == "\"id\"|\n1|\n2|\n")
            let hash = try scene.shell("sha256sum < out/ids.csv").out.prefix(64)
            #expect(try scene.sql("SELECT detail ->> 'sha256' FROM batchmgr_effects WHERE kind = 'export'") == hash)
            try scene.expect(0, "rollback", "--id", "job.1")
        }
    }
}
