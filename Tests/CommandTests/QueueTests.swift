import BatchCore
import TestSupport
import Testing

/// The queue, worked on by the built tool.
@Suite struct QueueTests {
    /// Ten rows in chunks of three, each raised by one; while `gate` is shut, a program fails between them.
    private static let jobs = [
        "raise": """
        steps:
          - id: a
            for_each: SELECT id AS k FROM line ORDER BY id
            chunk: 3
            sql: UPDATE line SET n = n + 1 WHERE id = :k
        """,
        // Slow enough to be stopped on its way.
        "slow": """
        steps:
          - id: a
            for_each: SELECT id AS k FROM line ORDER BY id
            chunk: 1
            sql: UPDATE line SET n = n + (SELECT max(x) - 199999 FROM (WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r
              WHERE x < 200000) SELECT x FROM r)) WHERE id = :k
        """,
        "wrong": "steps:\n  - {id: a, sql: UPDATE line SET n = NULL}",
        "flaky": """
        steps:
          - {id: a, sql: UPDATE line SET n = n + 1}
          - {id: b, exec: [./flaky]}
        """,
        "add": """
        params: {amount: {type: integer, required: true}}
        steps:
          - {id: a, sql: "INSERT INTO seen(amount) VALUES(:amount)"}
        """,
    ]

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: QueueTests.jobs) { scene in
            try scene.sql(
                """
                CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                INSERT INTO line SELECT value, 0 FROM json_each('[1,2,3,4,5,6,7,8,9,10]');
                CREATE TABLE seen(id INTEGER PRIMARY KEY, amount INTEGER);
                """)
            try body(scene)
        }
    }

    /// SQLite waits for no lock where two processes make a file: the one that comes second has to look again.
    @Test func whoMakesTheStoreBesideAnotherWaits() throws {
        try scene { scene in
            let answer = try scene.shell(
                """
                mkdir -p backups/batch_manager
                mkfifo held
                (echo 'BEGIN IMMEDIATE; CREATE TABLE other(a);'; echo 'SELECT 1;'; sleep 1; echo 'COMMIT;') \
                    | sqlite3 backups/batch_manager/control.db >held &
                read -r line <held
                "$TOOL" queue add raise -q; echo $?
                wait
                """)
            #expect(answer.out == "0\n", "\(answer.err)")
        }
    }

    @Test func anObstacleIsNamedForEachJobOfASequence() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "wrong", "--sequence", "s")
            for _ in 1...3 { try scene.expect(0, "queue", "add", "add", "--set", "amount=1", "--sequence", "s") }
            let jobs = try scene.json("queue", "list")["jobs"]?.array ?? []
            #expect(jobs.count == 4)
            let reasons = jobs.compactMap { $0["waits_for"]?.string ?? $0["why"]?.string }
            #expect(reasons.count { $0.contains("job 1") } == 3, "\(jobs)")
        }
    }

    private func state(_ scene: BadLuckScene, _ number: Int) throws -> String {
        try scene.json("queue", "show", "\(number)")["state"]?.string ?? "?"
    }

    /// An orderly stop leaves a job half done. Others of its definition come before it is continued: they wait, and none
    /// fails.
    @Test func jobsWaitForTheOneThatWasStopped() throws {
        try scene { scene in
            for _ in 0..<3 { try scene.expect(0, "queue", "add", "slow") }
            _ = try scene.shell(#"BATCHMGR_KILL_AT=item-statement:TERM "$TOOL" queue work --until-empty"#)
            #expect(try scene.status("slow.1") == "stopped")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
            for number in 1...3 { #expect(try state(scene, number) == "done") }
            #expect(
                try scene.tool("queue", "show", "2").out.contains("held back: waits for job 1, which has done a part"))
        }
    }

    /// Nothing fails because of another: a person decides about the one that did.
    @Test(arguments: ["retry", "rollback"]) func jobsWaitBehindOneThatIsLostHalfWay(way: String) throws {
        try scene { scene in
            try scene.write("flaky", "#!/bin/sh\nexit 1\n", isProgram: true)
            try scene.expect(0, "queue", "add", "flaky", "--attempts", "1")
            for _ in 0..<2 { try scene.expect(0, "queue", "add", "flaky") }
            try scene.tool("queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "dead")
            for number in [2, 3] { #expect(try state(scene, number) == "waiting") }
            let why = try scene.json("queue", "show", "2")["why"]?.string ?? ""
            #expect(why.hasPrefix("waits until flaky.1 of job 1, which is dead, is complete or undone; "), "\(why)")
            #expect(why.contains("batchmgr queue retry --id 1; or undo it: batchmgr rollback --id flaky.1"))
            try scene.write("flaky", "#!/bin/sh\nexit 0\n", isProgram: true)
            let typed = way == "retry" ? ["queue", "retry", "--id", "1"] : ["rollback", "--id", "flaky.1"]
            try scene.expect(0, typed)
            try scene.sql("UPDATE queue_jobs SET run_at = 0", in: "backups/batch_manager/control.db")
            try scene.expect(0, "queue", "work", "--until-empty")
            for number in [2, 3] { #expect(try state(scene, number) == "done") }
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == (way == "retry" ? "3|3" : "2|2"))
        }
    }

    @Test func jobsWaitBehindABatchThatAPersonStopped() throws {
        try scene { scene in
            _ = try scene.shell(#"BATCHMGR_KILL_AT=item-statement:TERM "$TOOL" run slow"#)
            #expect(try scene.status("slow.1") == "stopped")
            try scene.expect(0, "queue", "add", "slow")
            try scene.tool("queue", "work", "--until-empty")
            let why = try scene.json("queue", "show", "1")["why"]?.string ?? ""
            #expect(
                why.hasPrefix("waits until slow.1 is complete or undone; continue it: batchmgr resume --id slow.1"),
                "\(why)")
            #expect(try state(scene, 1) == "waiting")
        }
    }

    @Test func jobsRunByPriorityAndThenInTheirOrder() throws {
        try scene { scene in
            for (amount, priority) in [(1, 0), (2, 5), (3, 5), (4, 9)] {
                try scene.expect(0, "queue", "add", "add", "--set", "amount=\(amount)", "--priority", "\(priority)")
            }
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(
                try scene.sql("SELECT group_concat(amount) FROM (SELECT amount FROM seen ORDER BY id)") == "4,2,3,1")
            let shown = try scene.json("queue", "show", "1")
            #expect(shown["state"]?.string == "done")
            #expect(shown["batch"]?.string == "add.4")
            let nothing = try scene.expect(0, "queue", "work", "--until-empty")
            #expect(nothing.out == "nothing was ready\n")
            try scene.expect(0, "audit", "verify")
        }
    }

    @Test func whatARunWouldRefuseIsNotAdded() throws {
        try scene { scene in
            try scene.expect(.unknownJob, "queue", "add", "nothing")
            try scene.expect(.missingParameter, "queue", "add", "add")
            try scene.expect(.usage, "queue", "add", "raise", "--attempts", "0")
            #expect(try scene.json("queue", "list")["jobs"]?.array?.isEmpty == true)
        }
    }

    @Test func anUniqueKeyIsOneOfOpenJobs() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise", "--unique", "night")
            #expect(try scene.json("queue", "add", "raise", "--unique", "night")["new"] == .bool(false))
            try scene.expect(0, "queue", "work", "--until-empty")
            let next = try scene.json("queue", "add", "raise", "--unique", "night")
            #expect(next["new"] == .bool(true))
            #expect(next["id"] == .integer(2))
        }
    }

    /// A job that would fail again is not tried again; the next of its sequence waits until somebody settles it.
    @Test func aSequenceStopsAtAJobThatFailed() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "wrong", "--sequence", "s")
            try scene.expect(0, "queue", "add", "raise", "--sequence", "s")
            try scene.expect(1, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "failed")
            let waiting = try scene.json("queue", "show", "2")
            #expect(waiting["why"]?.string == "after job 1 of its sequence, which is failed")
            #expect(try scene.sql("SELECT max(n) FROM line") == "0")
            let dead = try scene.json("queue", "dead", "list")["jobs"]?.array
            #expect(dead?.count == 1)
            #expect(dead?.first?["reason"]?.string?.contains("ERR_DATA_CONSTRAINT") == true)
            try scene.expect(.usage, "queue", "resolve", "1")
            try scene.expect(0, "queue", "resolve", "1", "--reason", "done by hand")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "resolved")
            #expect(try scene.sql("SELECT max(n) FROM line") == "1")
        }
    }

    @Test func whatMayPassIsTriedAgainFromItsLastCheckpoint() throws {
        try scene { scene in
            try scene.write("flaky", "#!/bin/sh\n[ -e open ] || { touch open; exit 1; }\n", isProgram: true)
            try scene.expect(0, "queue", "add", "flaky", "--backoff", "1ms")
            try scene.expect(0, "queue", "work", "--until-empty")
            let shown = try scene.json("queue", "show", "1")
            #expect(shown["state"]?.string == "done")
            #expect(shown["attempts"] == .integer(2))
            #expect(shown["history"]?.array?.first?["outcome"]?.string?.contains("ERR_INTEGRATION_COMMAND") == true)
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1")
        }
    }

    @Test func attemptsAreUsedUpAndRedriven() throws {
        try scene { scene in
            try scene.write("flaky", "#!/bin/sh\n[ -e open ]\n", isProgram: true)
            try scene.expect(0, "queue", "add", "flaky", "--backoff", "1ms", "--attempts", "2")
            try scene.expect(1, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "dead")
            try scene.write("open", "")
            #expect(try scene.json("queue", "dead", "redrive")["redriven"]?.array == [.integer(1)])
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "done")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1")
        }
    }

    /// `kill -9` at every place that there is: the job is done afterwards, and each of its steps once.
    @Test func aKilledWorkerLosesNothingAndDoesNothingTwice() throws {
        var place = 1
        while true {
            let isKilled = try BadLuckScene.with(jobs: QueueTests.jobs) { scene in
                try scene.sql(
                    "CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
                        + "INSERT INTO line SELECT value, 0 FROM json_each('[1,2,3,4,5,6,7,8,9,10]')")
                try scene.expect(0, "queue", "add", "raise")
                let killed = try scene.tool("queue", "work", "--until-empty", killAt: "\(place)")
                try scene.expect(0, "queue", "work", "--until-empty", note: "after a kill at place \(place)")
                #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1", "killed at place \(place)")
                let shown = try scene.json("queue", "show", "1")
                #expect(shown["state"]?.string == "done", "killed at place \(place)")
                try scene.expect(0, "verify")
                if killed.code == 137 { #expect((shown["crashes"]?.integer ?? 0) <= 1) }
                return killed.code == 137
            }
            if !isKilled { break }
            // All places take minutes: each of the first, where the queue is, then some of the engine's.
            place += place < 6 ? 1 : 5
        }
        #expect(place > 6)
    }

    @Test func aJobWhoseWorkersDieIsGivenUp() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise")
            // It is started again three times.
            for _ in 0..<4 {
                #expect(try scene.tool("queue", "work", "--until-empty", killAt: "job-claimed").code == 137)
            }
            try scene.expect(0, "queue", "work", "--until-empty")
            let shown = try scene.json("queue", "show", "1")
            #expect(shown["state"]?.string == "dead")
            #expect(shown["crashes"] == .integer(4))
            #expect(shown["attempts"] == .integer(0))
            #expect(shown["why"]?.string?.contains("died (crash 4); it was started again 3 times in 24 h") == true)
            // Whoever puts it back knows what he does; by itself it is not started again on that day.
            try scene.expect(0, "queue", "retry", "1")
            #expect(try scene.tool("queue", "work", "--until-empty", killAt: "job-claimed").code == 137)
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "dead")
            try scene.expect(0, "queue", "retry", "1")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try state(scene, 1) == "done")
        }
    }

    /// The program ends its worker the first time: nobody can know whether it had done its work.
    @Test(arguments: [false, true])
    func aProgramRunsAgainByItselfOnlyWhereTheJobSaysSo(isIdempotent: Bool) throws {
        let job = """
            \(isIdempotent ? "idempotent: true" : "")
            steps:
              - {id: a, sql: UPDATE line SET n = n + 1}
              - {id: b, exec: [./once]}
            """
        try BadLuckScene.with(jobs: ["tell": job]) { scene in
            try scene.sql(
                "CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL); INSERT INTO line VALUES(1, 0)")
            _ = try scene.shell(
                #"""
                printf '#!/bin/sh\necho ran >>ran\n[ $(wc -l <ran) -gt 1 ] || kill -9 $PPID\n' >once; chmod +x once
                """#)
            try scene.expect(0, "queue", "add", "tell")
            #expect(try scene.tool("queue", "work", "--until-empty").code == 137)
            try scene.expect(isIdempotent ? 0 : 1, "queue", "work", "--until-empty")
            if !isIdempotent {
                let shown = try scene.json("queue", "show", "1")
                #expect(shown["state"]?.string == "dead" && shown["crashes"] == .integer(1))
                let why = shown["why"]?.string ?? ""
                #expect(why.contains("ERR_DATA_NOT_REPLAYABLE") && why.contains("step b"), "\(why)")
                #expect(try scene.shell("wc -l <ran").out == "1\n")
                let text = try scene.tool("queue", "show", "1").out
                #expect(
                    text.contains("batchmgr queue retry --id 1") && text.contains("batchmgr queue resolve --id 1"),
                    "\(text)")
                try scene.expect(0, "queue", "retry", "1")
                try scene.expect(0, "queue", "work", "--until-empty")
            }
            #expect(try state(scene, 1) == "done")
            #expect(try scene.shell("wc -l <ran").out == "2\n")
            #expect(try scene.sql("SELECT n FROM line") == "1")
            try scene.expect(0, "verify")
        }
    }

    @Test func whatIsPausedCancelledOrHeldBackSaysWhy() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise")
            try scene.expect(0, "queue", "pause", "--reason", "month end")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.json("queue", "show", "1")["why"]?.string?.contains("month end") == true)
            try scene.expect(0, "queue", "resume")
            try scene.expect(.wrongState, "queue", "resume")
            try scene.expect(0, "switch", "set", "job:raise", "--value", "disabled", "--reason", "wrong index")
            try scene.expect(0, "queue", "work", "--until-empty")
            let held = try scene.json("queue", "show", "1")
            #expect(held["state"]?.string == "waiting")
            #expect(held["attempts"] == .integer(0))
            #expect(held["why"]?.string?.contains("ERR_SECURITY_JOB_DISABLED") == true)
            try scene.expect(0, "queue", "cancel", "1", "--reason", "not needed")
            #expect(try state(scene, 1) == "cancelled")
            try scene.expect(.wrongState, "queue", "cancel", "1", "--reason", "again")
            #expect(try scene.sql("SELECT max(n) FROM line") == "0")
        }
    }

    /// Its log has grown long, and whoever opens it would shorten it.
    @Test func whoOnlyLooksDoesNotWaitForWhoeverWrites() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise")
            let result = try scene.shell(
                """
                control=backups/batch_manager/control.db
                mkfifo hold; sqlite3 $control <hold >held & lock=$!
                exec 7>hold
                echo "PRAGMA wal_autocheckpoint = 0; CREATE TABLE long(x);" >&7
                echo "INSERT INTO long VALUES(zeroblob(900000)); DROP TABLE long; BEGIN IMMEDIATE; SELECT 'held';" >&7
                until grep -q held held; do sleep 0.05; done
                [ $(stat -c %s $control-wal) -gt 524288 ] && echo long
                timeout 5 "$TOOL" queue list --json | grep -o '"state":"queued"'
                exec 7>&-; wait $lock
                """)
            #expect(result.out == "long\n\"state\":\"queued\"\n", "\(result.err)")
        }
    }

    /// A disk may be mounted late.
    @Test func jobsWaitForADatabaseThatIsAway() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise")
            try scene.shell("mv app.db away.db")
            try scene.expect(0, "queue", "work", "--until-empty")
            let held = try scene.json("queue", "show", "1")
            #expect(held["state"]?.string == "waiting" && held["attempts"] == .integer(0))
            #expect(held["why"]?.string?.contains("there is no database") == true)
            try scene.shell("mv away.db app.db; faketime -f +11s \"$TOOL\" queue work --until-empty -q")
            #expect(try state(scene, 1) == "done")
        }
    }

    /// Whoever gives a number that is none is told, and a group of words is no verb.
    /// It is no longer among what waits, the audit has it, and whoever wants to hear of approvals hears of it.
    @Test func aPlanThatNobodyApprovesIsRejected() throws {
        try BadLuckScene.with(jobs: ["grave": "level: 3\nsteps:\n  - {id: a, sql: UPDATE t SET v = v + 1}"]) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            let result = try scene.shell(
                """
                printf '#!/bin/sh\ncat >>told; echo >>told\n' >tell; chmod +x tell
                printf 'notify: [{command: [./tell], events: [approval]}]\n' >>batchmgr.yaml
                "$TOOL" queue add grave -q; "$TOOL" queue work --until-empty -q
                later() { faketime -f "+8d" "$TOOL" "$@"; }
                later queue work --until-empty -q
                later plan list --json | grep -o '"status":"[a-z]*"'
                later queue show 1 | grep -o 'plan.1 was rejected: nobody approved it in its time'
                later plan approve plan.1 --as grace 2>&1 | grep -o 'ERR_UX_WRONG_STATE: plan.1 was rejected'
                later audit list --json | grep -o '"action":"plan expire","batch":null,"outcome":"rejected"'
                later metrics write m.prom -q >/dev/null; grep '^batchmgr_plans_waiting' m.prom
                grep -c 'waits for approval' told; grep -c 'is rejected: nobody approved it until' told
                sqlite3 app.db "SELECT v FROM t"
                later queue work --until-empty -q; grep -c approval told
                """)
            #expect(
                result.out == """
                    "status":"rejected"
                    plan.1 was rejected: nobody approved it in its time
                    ERR_UX_WRONG_STATE: plan.1 was rejected
                    "action":"plan expire","batch":null,"outcome":"rejected"
                    batchmgr_plans_waiting 0
                    1
                    1
                    1
                    2

                    """, "\(result.err)")
        }
    }

    @Test func deadNeedsAVerb() throws {
        try scene { scene in
            try scene.expect(.unknownQueueJob, "queue", "show", "7")
            let half = try scene.expect(.usage, "queue", "dead")
            #expect(half.err.contains("queue dead list"))
            #expect(try scene.tool("queue", "dead", "--help").out.contains("queue dead redrive"))
        }
    }
}
