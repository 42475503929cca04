import BatchCore
import TestSupport
import Testing

/// The service, as the built tool runs it.
@Suite struct ServeTests {
    private static let jobs = [
        "raise": "steps:\n  - {id: a, sql: UPDATE line SET n = n + 1}",
        "slow": """
        steps:
          - id: a
            for_each: SELECT id AS k FROM line ORDER BY id
            chunk: 1
            sql: UPDATE line SET n = n + 1 WHERE id = :k
        """,
        "part": """
        tenant: none
        params: {line: {type: integer, required: true}}
        steps:
          - {id: a, sql: "UPDATE line SET n = n + 1 WHERE id = :line"}
        """,
        "all": """
        steps:
          - {id: mark, sql: INSERT INTO seen VALUES(1)}
          - id: parts
            schedule.enqueue: {job: part, rows: SELECT id AS line FROM line}
          - id: wait
            schedule.wait: {jobs: [part]}
          - {id: end, sql: INSERT INTO seen VALUES(2)}
        """,
        "give": "steps:\n  - id: parts\n    schedule.enqueue: {job: part, rows: SELECT id AS line FROM line}",
    ]

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: ServeTests.jobs) { scene in
            try scene.sql(
                """
                CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                INSERT INTO line SELECT value, 0 FROM json_each('[1,2,3,4,5]');
                CREATE TABLE seen(what INTEGER);
                """)
            try body(scene)
        }
    }

    /// Starts `serve`, runs the lines, ends it, and says how it ended.
    private func served(_ scene: BadLuckScene, _ lines: String) throws -> BuiltTool.Result {
        try scene.shell(
            """
            "$TOOL" serve --no-http >served 2>&1 & service=$!
            trap 'kill -9 $service 2>/dev/null' EXIT
            until_done() {
                tries=0
                until [ "$("$TOOL" queue list --state done --json | grep -o '"total":[0-9]*' | cut -d: -f2)" = "$1" ]; do
                    tries=$((tries + 1)); [ $tries -lt 1000 ] || { "$TOOL" queue list; cat served; return 1; }
                    # A job that three workers died with is given up until somebody says so.
                    "$TOOL" queue dead redrive -q
                done
            }
            until_running() {
                tries=0
                until "$TOOL" queue list --state running --json | grep -q '"state":"running"'; do
                    tries=$((tries + 1)); [ $tries -lt 100 ] || return 0
                    "$TOOL" queue list --json | grep -q '"total":0[,}]' && return 0
                done
            }
            \(lines)
            kill -TERM $service; wait $service
            """)
    }

    @Test func aPortThatIsTakenIsSaid() throws {
        let lines = try ServedWorkspace.lines(
            """
            mkdir other; printf 'databases: {main: {path: b.db}}\n' >other/batchmgr.yaml
            sqlite3 other/b.db 'CREATE TABLE t(a)'
            cd other; "$TOOL" serve --port ${U##*:} >second 2>&1; echo $?
            grep -c 'ERR_INTEGRATION_LISTEN.*in use' second
            cd ..; call "$U/health"
            """)
        #expect(lines == ["1", "1", "200"], "\(lines)")
    }

    @Test func itWorksTheQueueAndEndsInGoodOrder() throws {
        try scene { scene in
            let result = try served(
                scene,
                """
                for i in 1 2 3; do "$TOOL" queue add raise -q || { cat served; exit 11; }; done
                until_done 3 || exit 12
                "$TOOL" serve --no-http; [ $? = 75 ] || { cat served; exit 13; }
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
            try scene.expect(0, "verify")
        }
    }

    /// Service and workers are killed while they work: nothing is lost, and nothing is done twice.
    @Test func killedServicesLoseNothing() throws {
        try scene { scene in
            let result = try served(
                scene,
                """
                for i in 1 2 3 4; do "$TOOL" queue add slow -q || exit 1; done
                for i in 1 2; do
                    until_running
                    kill -9 $(pgrep -P $service) 2>/dev/null
                    until_running
                    kill -9 $service; wait $service 2>/dev/null
                    "$TOOL" serve --no-http >>served 2>&1 & service=$!
                done
                until_done 4 || exit 1
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "4|4")
            try scene.expect(0, "verify")
            try scene.expect(0, "audit", "verify")
        }
    }

    /// A worker that dies has a successor within seconds, without a new service.
    @Test func aKilledWorkerHasASuccessor() throws {
        try scene { scene in
            let result = try served(
                scene,
                """
                until_workers() { tries=0; until [ "$(pgrep -P $service | wc -l)" = 2 ]; do
                    tries=$((tries + 1)); [ $tries -lt 400 ] || exit 1; "$TOOL" version >/dev/null; done; }
                until_workers
                kill -9 $(pgrep -P $service)
                "$TOOL" queue add raise -q || exit 1
                until_done 1 || exit 1
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1")
        }
    }

    @Test func workersBeginAnewOneAfterTheOther() throws {
        try scene { scene in
            try scene.expect(.wrongState, "service", "restart")
            let result = try served(
                scene,
                """
                until_workers() { tries=0; until [ "$(pgrep -P $service | wc -l)" = 2 ]; do
                    tries=$((tries + 1)); [ $tries -lt 400 ] || exit 1; "$TOOL" version >/dev/null; done; }
                until_workers
                before=$(pgrep -P $service | sort | tr '\\n' ' ')
                "$TOOL" service restart -q || exit 1
                "$TOOL" queue add raise -q || exit 1
                tries=0
                until [ "$(grep -c 'was restarted' served)" = 2 ]; do
                    tries=$((tries + 1)); [ $tries -lt 1000 ] || { cat served; exit 1; }
                    "$TOOL" version >/dev/null
                done
                for worker in $before; do kill -0 $worker 2>/dev/null && exit 1; done
                until_done 1 || exit 1
                "$TOOL" audit list --json > rows
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            let rows = try scene.shell("grep -o '\"action\":\"service [a-z]*\"' rows | sort | uniq -c").out
            // One for the call that was refused, one for the wish.
            #expect(rows.contains("2 \"action\":\"service restart\""), "\(rows)")
            #expect(rows.contains("2 \"action\":\"service worker\""), "\(rows)")
        }
    }

    /// It ends after the job with which it has too much, and the next job has another worker.
    @Test func aWorkerThatHoldsTooMuchEndsAfterItsJob() throws {
        try scene { scene in
            try scene.write("more", "queue: {worker_mib: 16}\n")
            try scene.shell("cat more >>batchmgr.yaml")
            let result = try served(
                scene,
                """
                for i in 1 2 3; do "$TOOL" queue add raise -q || exit 1; done
                until_done 3 || exit 1
                grep -c 'ends after job' served
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(result.out.hasSuffix("3\n"), "\(result.out)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
            let crashes = try (1...3).map { try scene.json("queue", "show", "\($0)")["crashes"] }
            #expect(crashes == [0, 0, 0])
        }
    }

    /// One that holds far too much is not waited for, and the job says why its worker ended.
    @Test func aWorkerThatHoldsFarTooMuchIsEnded() throws {
        try scene { scene in
            try scene.write(
                "catalog/huge.yaml",
                "id: huge\nversion: 1.0.0\nsteps:\n  - {id: a, sql: \"UPDATE line SET n = (WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k) SELECT sum(length(hex(zeroblob(300000000 + k.n)))) FROM k)\"}\n"
            )
            try scene.shell("echo 'queue: {worker_mib: 128}' >>batchmgr.yaml")
            let result = try served(
                scene,
                """
                "$TOOL" queue add huge -q || exit 1
                tries=0
                until "$TOOL" queue show 1 --json | grep -q 'its worker was ended: it holds'; do
                    tries=$((tries + 1)); [ $tries -lt 1000 ] || { cat served; exit 1; }
                done
                "$TOOL" queue cancel 1 --reason seen -q
                grep -c 'was ended: it holds [0-9]* MiB, more than the 128 MiB of queue.worker_mib' served | grep -v '^0'
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(try scene.sql("SELECT max(n) FROM line") == "0")
        }
    }

    // MARK: A control.db that is gone

    /// Nobody hears a service that works on a file without a name.
    @Test(arguments: ["rm control.db*", "rm control.db*; cp other.db control.db", "mv control.db old.db"])
    func aServiceThatHasLostItsControlFileEnds(loss: String) throws {
        try scene { scene in
            let result = try served(
                scene,
                """
                "$TOOL" queue add raise -q; until_done 1 || exit 12
                cd backups/batch_manager; sqlite3 control.db 'VACUUM INTO "other.db"'; \(loss); cd ../..
                tries=0
                while kill -0 $service 2>/dev/null; do
                    tries=$((tries + 1)); [ $tries -lt 200 ] || exit 13
                    sleep 0.1
                done
                wait $service; [ $? = 75 ] || exit 14
                "$TOOL" check; [ $? = 2 ] || exit 15
                "$TOOL" serve --no-http >>served 2>&1 & service=$!
                "$TOOL" queue add raise -q; tries=0
                until "$TOOL" check; do tries=$((tries + 1)); [ $tries -lt 50 ] || exit 16; sleep 0.1; done
                """)
            #expect(result.code == 0, "\(result.out)\(result.err)")
            #expect(result.out.contains("has ended without saying so"), "\(result.out)")
            let told = try scene.shell("cat served; grep -h service.control backups/batch_manager/logs/*").out
            #expect(told.contains("control.db was removed or replaced while it was in use"), "\(told)")
            #expect(told.contains("service.control"), "\(told)")
        }
    }

    /// Until it has ended, within a second, it says that it is not ready.
    @Test func aServiceThatHasLostItsControlFileIsNotHealthy() throws {
        try scene { scene in
            let result = try scene.shell(
                """
                "$TOOL" serve --port 0 --workers 0 >served 2>&1 & service=$!
                trap 'kill -9 $service 2>/dev/null' EXIT
                until grep -q 'answers at' served; do sleep 0.1; done
                address=$(sed -n 's/.*answers at //p' served)
                health() { curl -s -m 5 -w '%{http_code}\\n' $address/health; }
                health; rm backups/batch_manager/control.db*; health; wait $service; echo "ended $?"
                """)
            let lines = result.out.split(separator: "\n")
            #expect(lines.first?.contains(#""ready":true"#) == true, "\(lines)")
            #expect(lines.contains { $0.contains("control.db: ERR_PERF_LEASE_LOST") || $0 == "000" }, "\(lines)")
            #expect(lines.filter { $0 == "200" }.count == 1, "\(lines)")
            #expect(lines.last == "ended 75", "\(lines)")
        }
    }

    /// A worker without a service does not go on either.
    @Test func aWorkerThatHasLostItsControlFileEnds() throws {
        try scene { scene in
            let result = try scene.shell(
                """
                "$TOOL" queue work >worked 2>&1 & worker=$!
                trap 'kill -9 $worker 2>/dev/null' EXIT
                until [ -s backups/batch_manager/control.db ]; do sleep 0.1; done; sleep 1
                rm backups/batch_manager/control.db*
                wait $worker; echo "ended $?"; cat worked
                """)
            #expect(result.out.contains("ended 75") && result.out.contains("ERR_PERF_LEASE_LOST"), "\(result.out)")
        }
    }

    // MARK: A control.db that is damaged

    /// Nothing of it can be read: the jobs that have run are known from the ledger, and switches hold.
    @Test func aControlFileOfGarbageIsPutAside() throws {
        try scene { scene in
            for _ in 1...2 { try scene.expect(0, "queue", "add", "raise") }
            try scene.expect(0, "queue", "work", "--until-empty")
            try scene.expect(0, "switch", "set", "safe_mode", "--value", "on", "--reason", "month end")
            try scene.shell(
                """
                cd backups/batch_manager && rm -f control.db-wal control.db-shm
                head -c 40000 /dev/urandom > control.db
                """)
            let told = try scene.expect(0, "queue", "list", "--state", "done")
            #expect(told.err.contains("control.db was damaged"), "\(told.err)")
            #expect(told.out.contains("raise"), "\(told.out)")
            #expect(try scene.shell("ls backups/batch_manager | grep -c 'control.db.damaged.*Z$'").out == "1\n")
            try scene.expect(7, "run", "--id", "raise")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "2|2")
        }
    }

    /// One page is gone: what can be read stays, in its order, and jobs that wait go on.
    @Test func rowsBesideADamagedPageStay() throws {
        try scene { scene in
            for _ in 1...3 { try scene.expect(0, "queue", "add", "raise") }
            try scene.shell(
                """
                cd backups/batch_manager && sqlite3 control.db 'PRAGMA wal_checkpoint(TRUNCATE)' > pages
                page=$(sqlite3 control.db "SELECT rootpage FROM sqlite_schema WHERE name = 'queue_by_turn'")
                head -c 4096 /dev/urandom | dd of=control.db bs=4096 seek=$((page - 1)) conv=notrunc 2>/dev/null
                rm -f control.db-wal control.db-shm
                """)
            let served = try scene.expect(0, "serve", "--once", "--no-http")
            #expect(served.err.contains("all rows could be read"), "\(served.err)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
            try scene.expect(0, "audit", "verify")
        }
    }

    /// A command that meets a damaged page in the middle of its work has the file made anew, and the next one works.
    @Test func whoMeetsADamagedPageHasTheFileMadeAnew() throws {
        try scene { scene in
            try scene.expect(0, "run", "--id", "raise")
            for _ in 1...3 { try scene.expect(0, "queue", "add", "raise") }
            try scene.shell(
                """
                cd backups/batch_manager && sqlite3 control.db 'PRAGMA wal_checkpoint(TRUNCATE)' > pages
                page=$(sqlite3 control.db "SELECT rootpage FROM sqlite_schema WHERE name = 'queue_jobs'")
                head -c 4096 /dev/urandom | dd of=control.db bs=4096 seek=$((page - 1)) conv=notrunc 2>/dev/null
                rm -f control.db-wal control.db-shm
                """)
            let seen = try scene.tool("verify")
            #expect(seen.code != 0 && seen.out.contains("control.db"), "\(seen.out)")
            let met = try scene.expect(.corruptDatabase, "queue", "list")
            #expect(met.err.contains("control.db was damaged") && met.err.contains("was made anew"), "\(met.err)")
            try scene.expect(0, "queue", "list")
            try scene.expect(0, "queue", "add", "raise")
            try scene.expect(0, "queue", "work", "--until-empty")
            try scene.expectWhole("after it was made anew")
        }
    }

    /// What SQLite needs to begin is gone, the pages are there: nothing that had not begun is lost.
    @Test(arguments: [
        "printf 'no database at all, whoever did this' | dd of=control.db conv=notrunc 2>/dev/null",
        "truncate -s $(($(stat -c %s control.db) - 4096)) control.db",
    ])
    func aControlFileWithoutItsBeginningOrEndIsReadAllTheSame(damage: String) throws {
        try scene { scene in
            for _ in 1...3 { try scene.expect(0, "queue", "add", "raise") }
            try scene.shell(
                """
                cd backups/batch_manager && sqlite3 control.db "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA user_version" > pages
                rm -f control.db-wal control.db-shm
                \(damage)
                """)
            let served = try scene.expect(0, "serve", "--once", "--no-http")
            #expect(served.err.contains("control.db was damaged"), "\(served.err)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
        }
    }

    /// A file that is empty, or gone, is no new workspace: what was in it is missed.
    @Test(arguments: ["rm -f control.db*", "rm -f control.db-*; : > control.db"])
    func aControlFileThatIsLostIsToldOf(loss: String) throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "raise")
            try scene.expect(0, "queue", "work", "--until-empty")
            try scene.expect(0, "switch", "set", "safe_mode", "--value", "on", "--reason", "month end")
            try scene.shell("cd backups/batch_manager && \(loss)")
            let told = try scene.expect(0, "queue", "list", "--state", "done")
            #expect(told.err.contains("control.db was lost"), "\(told.err)")
            #expect(told.out.contains("raise"), "\(told.out)")
            try scene.expect(7, "run", "--id", "raise")
            #expect(!(try scene.expect(0, "queue", "list").err.contains("control.db was lost")))
        }
    }

    /// Pages are overwritten under a service at work: no job fails for it, the service says so and ends, the next one goes
    /// on with what can be read.
    @Test func jobsDoNotFailForAControlFileThatIsDamagedUnderThem() throws {
        try scene { scene in
            for _ in 1...3 { try scene.expect(0, "queue", "add", "raise") }
            let result = try scene.shell(
                """
                cd backups/batch_manager && sqlite3 control.db 'PRAGMA wal_checkpoint(TRUNCATE)' > pages
                page=$(sqlite3 control.db "SELECT rootpage FROM sqlite_schema WHERE name = 'switches'")
                head -c 4096 /dev/urandom | dd of=control.db bs=4096 seek=$((page - 1)) conv=notrunc 2>/dev/null
                rm -f control.db-wal control.db-shm
                cd ../..; status=0
                "$TOOL" queue work --until-empty > worked 2>&1 || status=$?
                echo "ended $status"; cat worked
                """)
            #expect(result.out.contains("ended 75") && result.out.contains("control.db was damaged"), "\(result.out)")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "0|0")
            try scene.expect(0, "serve", "--once", "--no-http")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "3|3")
        }
    }

    /// It goes on where it was as soon as there is room again.
    @Test func aServiceWaitsForRoomOnTheDisk() throws {
        try scene { scene in
            let result = try scene.shell(
                """
                trap '' XFSZ
                "$TOOL" serve --port 0 --workers 0 >served 2>&1 & service=$!
                trap 'kill -9 $service 2>/dev/null' EXIT
                until grep -q 'answers at' served; do sleep 0.1; done
                address=$(sed -n 's/.*answers at //p' served)
                health() { curl -s -m 5 $address/health; }
                prlimit --fsize=4096: --pid $service
                told() { n=0; until grep -q "$1" served || [ $n = 300 ]; do sleep 0.1; n=$((n + 1)); done; }
                told 'the service waits'
                sleep 2; health; kill -0 $service && echo alive
                prlimit --fsize=unlimited: --pid $service
                told 'the service continues'
                sleep 1; health; kill $service; wait $service; echo "ended $?"; grep -c 'the service waits' served
                """)
            let lines = result.out.split(separator: "\n")
            #expect(lines.first?.contains("the service waits: ERR_") == true, "\(result.out)")
            #expect(lines.dropFirst().first == "alive", "\(result.out)")
            #expect(lines.dropFirst(2).first?.contains(#""ready":true"#) == true, "\(result.out)")
            #expect(lines.suffix(2) == ["ended 0", "1"], "\(result.out)")
        }
    }

    /// What is asked meanwhile is answered at once, and the workers wait too.
    @Test func aServiceWaitsForALockedControlFile() throws {
        try scene { scene in
            let result = try scene.shell(
                """
                "$TOOL" serve --port 0 --workers 1 >served 2>&1 & service=$!
                trap 'kill -9 $service 2>/dev/null' EXIT
                told() { n=0; until grep -q "$1" served || [ $n = 600 ]; do sleep 0.1; n=$((n + 1)); done; }
                told 'answers at'
                address=$(sed -n 's/.*answers at //p' served)
                mkfifo hold
                sqlite3 backups/batch_manager/control.db <hold & lock=$!
                exec 7>hold
                echo 'BEGIN IMMEDIATE;' >&7
                told 'the service waits'
                curl -s -m 5 $address/health
                curl -s -m 5 $address/health | grep -c ERR_PERF_BUSY
                exec 7>&-; wait $lock
                told 'the service continues'
                "$TOOL" queue add raise -q
                n=0; until "$TOOL" queue list --state done --json | grep -q '"state":"done"' || [ $n = 200 ]; do n=$((n + 1)); done
                [ $n = 200 ] || echo ran
                kill $service; wait $service; echo "ended $?"; grep -c 'takes its place' served; grep -c 'waits: another program has locked .*control.db' served
                """)
            let lines = result.out.split(separator: "\n")
            #expect(lines.first?.contains("the service waits: ERR_PERF_BUSY") == true, "\(result.out)\(result.err)")
            #expect(lines.dropFirst() == ["1", "ran", "ended 0", "0", "1"], "\(result.out)")
        }
    }

    @Test func aScheduleFiresOnceForAnInstant() throws {
        try scene { scene in
            try scene.expect(0, "schedule", "add", "often", "--job", "raise", "--cron", "0 0 1 1 *")
            try scene.expect(0, "schedule", "trigger", "often")
            let gone = try scene.json(
                "schedule", "backfill", "often", "--from", "2024-01-01T00:00", "--to", "2026-01-01T00:00", "--yes")
            #expect(gone["jobs"]?.array?.count == 3)
            let again = try scene.json(
                "schedule", "backfill", "often", "--from", "2024-01-01T00:00", "--to", "2026-01-01T00:00", "--dry-run")
            #expect(again["missing"] == .integer(0) && again["dry_run"] == .bool(true))
            // Without --dry-run it was none, also when there is nothing to do.
            let nothing = try scene.json(
                "schedule", "backfill", "often", "--from", "2024-01-01T00:00", "--to", "2026-01-01T00:00", "--yes")
            #expect(nothing["missing"] == .integer(0) && nothing["dry_run"] == nil)
            try scene.expect(0, "serve", "--once", "--no-http")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "4|4")
            try scene.expect(.wrongState, "schedule", "resume", "often")
            try scene.expect(.unknownSchedule, "schedule", "remove", "oftn")
            try scene.expect(0, "schedule", "remove", "often")
        }
    }

    /// A batch queues a job for each row, waits for them without a worker, and goes on.
    @Test func aBatchWaitsForTheJobsThatItHasQueued() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "all")
            try scene.expect(0, "queue", "work", "--until-empty")
            let waiting = try scene.json("queue", "show", "1")
            #expect(waiting["state"]?.string == "waiting" || waiting["state"]?.string == "done")
            while try scene.json("queue", "show", "1")["state"]?.string == "waiting" {
                try scene.sql("UPDATE queue_jobs SET run_at = 0", in: "backups/batch_manager/control.db")
                try scene.expect(0, "queue", "work", "--until-empty")
            }
            #expect(try scene.json("queue", "show", "1")["state"]?.string == "done")
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1")
            #expect(try scene.sql("SELECT group_concat(what) FROM seen") == "1,2")
        }
    }

    @Test func whatWasQueuedIsTakenBackWithItsBatch() throws {
        try scene { scene in
            try scene.expect(0, "run", "give")
            #expect(try scene.json("queue", "list")["total"] == .integer(5))
            try scene.expect(0, "rollback", "give.1")
            let cancelled = try scene.json("queue", "list", "--state", "cancelled")
            #expect(cancelled["total"] == .integer(5))
            #expect(
                cancelled["jobs"]?.array?.first?["reason"]?.string?.hasSuffix("give.1 was rolled back") == true)
            // What has run is a dependent.
            try scene.expect(0, "run", "give")
            try scene.expect(0, "queue", "work", "--until-empty")
            let refused = try scene.tool("rollback", "give.2")
            #expect(refused.code == 4)
            #expect(refused.err.contains("5 later batches depend on give.2"))
            #expect(try scene.sql("SELECT min(n), max(n) FROM line") == "1|1")
        }
    }

    @Test func manyJobsAreActedOnWithTheirNumber() throws {
        try scene { scene in
            for _ in 0..<3 { try scene.expect(0, "queue", "add", "raise") }
            try scene.expect(.usage, "queue", "bulk", "cancel", "--reason", "no")
            try scene.expect(.usage, "queue", "bulk", "cancel", "--reason", "no", "--confirm", "2")
            let done = try scene.json("queue", "bulk", "cancel", "--reason", "no", "--confirm", "3")
            #expect(done["done"] == .integer(3))
            #expect(
                try scene.json("queue", "bulk", "remove", "--reason", "no", "--confirm", "3")["done"] == .integer(3))
            #expect(try scene.json("queue", "list", "--state", "cancelled")["total"] == .integer(0))
            #expect(try scene.json("queue", "bulk", "restore", "--confirm", "3")["done"] == .integer(3))
            #expect(try scene.json("queue", "list", "--state", "cancelled")["total"] == .integer(3))
        }
    }

    @Test func theUnitsAreWrittenAndHold() throws {
        try scene { scene in
            for options in ["", "--timer"] {
                let result = try scene.shell(
                    """
                    "$TOOL" schedule install --to units \(options) || exit 1
                    "$TOOL" schedule install --to units \(options) || exit 1
                    if command -v systemd-analyze >/dev/null; then systemd-analyze verify --man=no units/* || exit 1; fi
                    rm -r units
                    """)
                #expect(result.code == 0, "\(result.out)\(result.err)")
            }
        }
    }
}
