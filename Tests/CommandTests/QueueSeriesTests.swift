import BatchCore
import TestSupport
import Testing

/// Many jobs of one database, which a worker does one after the other: with one lease, and with restore points together.
@Suite struct QueueSeriesTests {
    /// Twelve jobs, each of which adds its number to a row of its own, on a database that is large enough for deltas.
    private func series(_ body: (BadLuckScene) throws -> Void) throws {
        let job = """
            params: {id: {type: integer, required: true}}
            steps:
              - {id: a, sql: "UPDATE line SET n = n + :id WHERE id = :id"}
              - {id: b, sql: "UPDATE line SET n = n + 100 WHERE id = :id"}
            """
        try BadLuckScene.with(jobs: ["own": job]) { scene in
            try scene.sql(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 12)
                INSERT INTO line SELECT i, 0 FROM c;
                CREATE TABLE filler(b BLOB); INSERT INTO filler VALUES(randomblob(600000))
                """)
            for id in 1...12 { try scene.expect(0, "queue", "add", "own", "--set", "id=\(id)") }
            try body(scene)
        }
    }

    /// Each batch once, with both copies, one commit for each, and all of it whole.
    private func expectSeries(_ scene: BadLuckScene, _ note: String) throws {
        #expect(try scene.sql("SELECT count(*) FROM line WHERE n = id + 100") == "12", "\(note)")
        let points = try scene.json("points")["points"]?.array ?? []
        let own = points.filter { $0["batch"]?.string?.hasPrefix("own.") == true }
        // A batch that was stopped on its way and gone on with has two.
        #expect(Set(own.compactMap { $0["batch"]?.string }).count == 12, "\(note)")
        #expect(own.allSatisfy { $0["status"]?.string == "complete" }, "\(note)")
        #expect(Set(own.compactMap { $0["bak"]?.string }).count == own.count, "\(note)")
        #expect(Set(own.compactMap { $0["commit"]?.string }).count == own.count, "\(note)")
        let commits = try scene.shell("git -C backups/batch_manager/history.git log --format=%s | grep -c '^own\\.'")
            .out
        #expect(commits == "\(own.count)\n", "\(note)")
        let tags = try scene.shell("git -C backups/batch_manager/history.git tag -l 'batch/own.*' | wc -l").out
        #expect(tags.filter { !$0.isWhitespace } == "12", "\(note)")
        try scene.expect(0, "verify")
    }

    /// Jobs that change nothing, and one among them that does: its copy leads from the state before it to the one behind.
    @Test func theCopyOfAJobAmongThoseThatChangeNothing() throws {
        let job = """
            params: {by: {type: integer, required: true}}
            steps:
              - {id: a, sql: "UPDATE line SET n = n + :by WHERE :by > 0"}
            """
        try BadLuckScene.with(jobs: ["put": job]) { scene in
            try scene.sql("CREATE TABLE line(n INTEGER NOT NULL); INSERT INTO line VALUES(100)")
            func work(_ amounts: [Int]) throws {
                for amount in amounts { try scene.expect(0, "queue", "add", "put", "--set", "by=\(amount)") }
                try scene.expect(0, "queue", "work", "--until-empty")
            }
            try work([0, 0, 0, 5, 0, 0])
            try work([0, 7, 9])
            let points = (try scene.json("points")["points"]?.array ?? []).filter { $0["bak"]?.string != nil }
            #expect(Set(points.compactMap { $0["batch"]?.string }) == ["put.4", "put.8", "put.9"])
            for (point, value) in [("put.4^", 100), ("put.4", 105), ("put.8^", 105), ("put.8", 112), ("put.9", 121)] {
                for source in ["bak", "git"] {
                    let file = "\(point.replacing("^", with: "-before")).\(source).db"
                    try scene.expect(0, "restore", "--point", point, "--source", source, "--to", file)
                    #expect(try scene.sql("SELECT n FROM line", in: file) == "\(value)", "\(point) \(source)")
                }
            }
            try scene.expect(0, "verify")
            try scene.expect(0, "drill")
            try scene.expect(0, "rollback", "put.4", "--mode", "cascade")
            #expect(try scene.sql("SELECT n FROM line") == "100")
        }
    }

    @Test func aServiceWhoseProgramWasReplacedStillHasWorkers() throws {
        try series { scene in
            let answer = try scene.shell(
                """
                cp "$TOOL" bm
                ./bm serve --no-http --workers 1 >said 2>&1 &
                service=$!
                until pgrep -P $service >worker; do :; done
                rm bm
                kill -9 $(cat worker)
                tries=0
                until [ "$(sqlite3 app.db "SELECT count(*) FROM line WHERE n > 0")" = 12 ] || [ $tries = 300 ]; do
                    tries=$((tries + 1)); sleep 0.2
                done
                kill $service; wait $service
                """)
            #expect(try scene.sql("SELECT count(*) FROM line WHERE n > 0") == "12", "\(answer.err)")
        }
    }

    @Test func aWorkerLetsOthersGoFirst() throws {
        try series { scene in
            let answer = try scene.shell(
                """
                sqlite3 backups/batch_manager/control.db "
                    INSERT INTO queue_jobs(kind, job, arguments, priority, run_at, max_attempts, backoff, run_key, actor,
                        created_at, state, state_at, place)
                    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
                    SELECT kind, job, arguments, priority, run_at, max_attempts, backoff, run_key || i, actor, created_at, state,
                        state_at, place FROM queue_jobs, n WHERE number = 1"
                "$TOOL" queue work --until-empty -q &
                worked=$!
                until [ -n "$(sqlite3 app.db "SELECT 1 FROM batchmgr_batches WHERE job = 'own' LIMIT 1" 2>/dev/null)" ]; do
                    :
                done
                for i in 1 2 3 4; do "$TOOL" run beside --sql 'UPDATE filler SET b = zeroblob(9)' -q; echo $?; done
                wait $worked; echo $?
                """)
            #expect(answer.out == "0\n0\n0\n0\n0\n", "\(answer.err)")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE job = 'own'") == "52")
            // Nor what somebody left who was killed while waiting.
            let left = try scene.shell(
                """
                id=$(sqlite3 app.db "SELECT value FROM batchmgr_meta WHERE key = 'database_id'")
                touch backups/batch_manager/.waiting-$id
                "$TOOL" run beside --sql 'UPDATE filler SET b = zeroblob(8)' -q
                ls -A backups/batch_manager | grep -c waiting
                """)
            #expect(left.out == "0\n", "\(left.err)")
        }
    }

    /// Only between two jobs does a worker let others have a turn.
    @Test func aLongJobIsWaitedForTenSeconds() throws {
        let long = """
            steps:
              - {id: a, for_each: "SELECT id FROM line", chunk: 1, pause: 5s, sql: "UPDATE line SET n = 1 WHERE id = :id"}
            """
        try BadLuckScene.with(jobs: ["long": long]) { scene in
            try scene.sql(
                "CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO line VALUES(1,0),(2,0),(3,0),(4,0),(5,0)"
            )
            try scene.expect(0, "queue", "add", "long")
            let answer = try scene.shell(
                """
                "$TOOL" queue work --until-empty -q &
                until [ -n "$(sqlite3 app.db "SELECT 1 FROM batchmgr_batches WHERE status = 'running'" 2>/dev/null)" ]; do :; done
                before=$(date +%s)
                "$TOOL" run beside --sql 'UPDATE line SET n = 9' -q; echo $?
                [ $(($(date +%s) - before)) -ge 9 ] && echo waited
                "$TOOL" stop long -q; wait $!
                sqlite3 app.db "SELECT count(*) FROM line WHERE n = 9"
                """)
            #expect(answer.out == "75\nwaited\n0\n", "\(answer.err)")
            #expect(answer.err.contains("let its worker do yours next: batchmgr queue add JOB"))
        }
    }

    @Test func jobsOfOneDatabaseShareTheirRestorePoints() throws {
        try series { scene in
            try scene.expect(0, "queue", "work", "--until-empty")
            try expectSeries(scene, "undisturbed")
            try scene.shell("git -C backups/batch_manager/history.git fsck --strict")
            try scene.expect(0, "rollback", "--id", "own.5")
            #expect(try scene.sql("SELECT group_concat(id) FROM line WHERE n = 0") == "5")
            try scene.expect(0, "drill")
        }
    }

    /// Rows of a full-text index change with every job: each point has them as its own job left them.
    @Test func pointsOfAFullTextIndexAreThoseOfTheirJobs() throws {
        let job = """
            params: {word: {type: text, required: true}}
            steps:
              - {id: a, sql: "INSERT INTO docs(body) VALUES(:word)"}
            """
        try BadLuckScene.with(jobs: ["write": job]) { scene in
            try scene.sql(
                """
                PRAGMA journal_mode = WAL;
                CREATE VIRTUAL TABLE docs USING fts5(body);
                CREATE TABLE filler(b BLOB); INSERT INTO filler VALUES(randomblob(600000))
                """)
            try scene.expect(0, "run", "write", "--set", "word=first")
            for id in 1...5 { try scene.expect(0, "queue", "add", "write", "--set", "word=w\(id)") }
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.json("points")["points"]?.array?.filter { $0["bak_kind"] == "delta" }.count == 5)
            try scene.expect(0, "drill")
        }
    }

    @Test(arguments: ["begun", "committed", "batch-settled", "job-run", "series-copied", "series-committed"])
    func aKilledWorkerLosesNoneOfThem(place: String) throws {
        try series { scene in
            #expect(try scene.tool("queue", "work", "--until-empty", killAt: place).code == 137)
            try scene.expect(0, "queue", "work", "--until-empty")
            try expectSeries(scene, place)
        }
    }

    /// A batch of one step is committed with its end, or not at all.
    @Test(arguments: [
        ("begun", "0|1|0"), ("before-settled", "0|1|0"), ("committed", "1|0|1"), ("batch-settled", "1|0|1"),
        ("job-run", "1|0|1"),
    ])
    func aJobOfOneStepIsOneTransaction(place: String, found: String) throws {
        let job = """
            steps:
              - {id: a, sql: "UPDATE line SET n = n + 1"}
            """
        try BadLuckScene.with(jobs: ["one": job]) { scene in
            try scene.sql(
                """
                PRAGMA journal_mode = WAL;
                CREATE TABLE line(n INTEGER NOT NULL); INSERT INTO line VALUES(-1);
                CREATE TABLE filler(b BLOB); INSERT INTO filler VALUES(randomblob(600000))
                """)
            try scene.expect(0, "run", "one")
            for _ in 1...3 { try scene.expect(0, "queue", "add", "one") }
            #expect(try scene.tool("queue", "work", "--until-empty", killAt: place).code == 137)
            let figures = """
                SELECT (SELECT n FROM line), count(*) FILTER (WHERE status = 'running'), \
                count(*) FILTER (WHERE status = 'committed' AND batch = 'one.2') FROM batchmgr_batches
                """
            #expect(try scene.sql(figures) == found)
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.sql("SELECT n FROM line") == "3")
            try scene.expect(0, "audit", "verify")
            try scene.expect(0, "drill")
        }
    }

    @Test func whatOthersWriteBetweenThemIsKept() throws {
        try series { scene in
            try scene.expect(0, "queue", "work", "--until-empty")
            try scene.sql("UPDATE line SET n = 7 WHERE id = 3")
            for id in 1...2 { try scene.expect(0, "queue", "add", "own", "--set", "id=\(id)") }
            let worked = try scene.expect(0, "queue", "work", "--until-empty")
            #expect(worked.err.contains("changed outside any batch"))
            try scene.expect(0, "verify")
        }
    }
}
