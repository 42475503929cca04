import BatchCore
import TestSupport
import Testing

/// The verbs that look at batches, run as a user runs them.
@Suite struct ViewTests {
    @Test func aDatabaseWithoutBatchesHasEmptyListsAndStaysAsItIs() throws {
        try SampleDatabase.with { database in
            let before = try database.shell("sha256sum \"$DB\"").out
            #expect(try database.tool("list").out == "no batches\n")
            #expect(try database.tool("points").out == "no restore points\n")
            #expect(try database.json("list")["batches"] == [])
            #expect(try database.json("points")["points"] == [])
            #expect(try database.tool("verify").code == 0)
            let error = try database.json("show", "--id", "nothing.1")["error"]
            #expect(error?["code"]?.string == "ERR_UX_UNKNOWN_BATCH")
            #expect(try database.shell("sha256sum \"$DB\"").out == before)
            #expect(try database.shell("ls \"$(dirname \"$DB\")\"").out == "app.db\n")
        }
    }

    @Test func batchesAreListedLatestFirstAndFiltered() throws {
        try SampleDatabase.withBatches { database in
            let list = try #require(try database.json("list")["batches"])
            #expect(list.texts("batch") == ["close.1", "reprice.1", "import.1"])
            let first = try #require(list.array?.first)
            #expect(
                first.keys.prefix(7) == ["batch", "job", "tenant", "status", "rows", "started_at", "finished_at"])
            #expect(first["rows"] == ["inserted": 1, "updated": 1, "deleted": 0])
            #expect(try database.json("list", "--job", "reprice")["batches"]?.texts("batch") == ["reprice.1"])
            #expect(try database.json("list", "--limit", "2")["batches"]?.array?.count == 2)
            #expect(try database.json("list", "--status", "failed")["batches"] == [])
            #expect(try database.tool("list").out.hasPrefix("BATCH      STATUS     ROWS  STARTED"))
        }
    }

    @Test func aBatchIsShownWithItsCheckpointsDependentsAndPoint() throws {
        try SampleDatabase.withBatches { database in
            let detail = try database.json("show", "--id", "reprice")
            #expect(detail["batch"]?.string == "reprice.1")
            #expect(detail["checkpoints"]?.texts("step") == ["sql1"])
            #expect(detail["dependents"]?.texts("batch") == ["close.1"])
            #expect(detail["restore_point"]?.keys == ["bak", "bak_kind", "commit", "status"])
            #expect(detail["restore_point"]?["status"]?.string == "complete")
            let bak = try #require(detail["restore_point"]?["bak"]?.string)
            #expect(try BuiltTool.shell("sqlite3 \"$1\" 'SELECT count(*) FROM batchmgr_bak_manifest'", [bak]).code == 0)
        }
    }

    @Test func aBatchSaysWhoRanItWhatItChangedWroteAndRan() throws {
        let job = """
            description: Tells everything
            params:
              day: {type: date}
            steps:
              - {id: change, sql: "UPDATE items SET price = price + 1 WHERE id <= 2"}
              - {id: out, export: {query: SELECT id FROM items WHERE id <= 3, file: "out/{batch} {param:day}.csv"}}
              - {id: say, exec: [sh, -c, "echo ten letters; echo oh >&2"], undo: [echo, undone]}

            """
        try BadLuckScene.with(jobs: ["everything": job]) { scene in
            let ran = try scene.shell(
                "BATCHMGR_ACTOR=ada exec \"$TOOL\" run everything --set day=2026-11-26 --key 'a key'")
            try #require(ran.code == 0, "\(ran.err)")
            #expect(scene.has("out/everything.1 2026-11-26.csv"))
            let detail = try scene.json("show", "everything")
            #expect(detail["actor"]?.string == "ada" && detail["key"]?.string == "a key")
            #expect(detail["tables"] == [["table": "items", "inserted": 0, "updated": 2, "deleted": 0]])
            let file = try #require(detail["files"]?.array?.first)
            #expect(file["path"]?.string == "out/everything.1 2026-11-26.csv" && file["rows"]?.integer == 3)
            let hash = try scene.shell("sha256sum < 'out/everything.1 2026-11-26.csv' | cut -d' ' -f1").out
            #expect(file["sha256"]?.string.map { $0 + "\n" } == hash)
            let program = try #require(detail["programs"]?.array?.first)
            #expect(program["output"]?.string == "ten letters\n" && program["errors"]?.string == "oh\n")
            let text = try scene.tool("show", "everything").out
            for words in [
                "by             ada\n", "key            a key\n", "items         0        2", "  ten letters\n  oh\n",
            ] {
                #expect(text.contains(words), "\(text)")
            }
            try #require(try scene.tool("rollback", "everything").code == 0)
            #expect(try scene.json("show", "everything.1")["programs"]?.array?.first?["undone"]?.bool == true)
            // A value is a part of a name: it leads nowhere else.
            try scene.write(
                "catalog/away.yaml",
                "id: away\nversion: 1.0.0\nparams: {name: {type: text}}\nsteps: [{id: a, export: {query: SELECT 1 AS a, file: '{param:name}.csv'}}]\n"
            )
            let away = try scene.tool("run", "away", "--set", "name=../a")
            #expect(away.code == 2 && away.err.contains("has a '/' in it"), "\(away.err)")
        }
    }

    @Test func aJobIsShownWithEveryKeyOfItsFile() throws {
        let job = """
            description: Has everything
            limits: {rows: 100, tables: [items]}
            timeout: 5m
            notify: [{command: [/bin/true], events: [failed]}]
            params:
              size: {type: text, choices: [small, large], default: small}
            steps:
              - id: change
                for_each: SELECT id FROM items
                chunk: 50
                sql: |
                  UPDATE items SET price = price + 1 WHERE id = :id;
                  UPDATE items SET price = price - 1 WHERE id = :id;
                retry: {max: 3, backoff: 2s}

            """
        try BadLuckScene.with(jobs: ["everything": job]) { scene in
            let text = try scene.tool("catalog", "show", "everything").out
            for words in [
                "limits       rows: 100, tables: [items]\n", "timeout      5m\n",
                "notify       command: [/bin/true], events: [failed]\n", "text: 'small', 'large'",
                "  for_each   SELECT id FROM items\n", "  chunk      50\n", "  retry      max: 3, backoff: 2s\n",
                "WHERE id = :id;\n             UPDATE items",
            ] { #expect(text.contains(words), "\(words) in \(text)") }
            let definition = try scene.json("catalog", "show", "everything")["definition"]
            #expect(definition?["limits"]?["rows"]?.integer == 100)
            #expect(definition?["steps"]?.array?.first?["retry"]?["max"]?.integer == 3)
        }
    }

    @Test func aJobNamesItsLatestBatchThatIsNotRolledBack() throws {
        try SampleDatabase.with { database in
            for _ in 1...3 { try database.run("add", "INSERT INTO customers(name) VALUES (hex(randomblob(8)))") }
            #expect(try database.json("show", "--id", "add")["batch"]?.string == "add.3")
            #expect(try database.tool("rollback", "--id", "add").code == 0)
            #expect(try database.json("show", "--id", "add")["batch"]?.string == "add.2")
            #expect(try database.json("show", "--id", "add.3")["status"]?.string == "rolled_back")
        }
    }

    @Test(arguments: [
        ("repricee", "there is no batch 'repricee'; did you mean 'reprice'?"),
        ("reprice.7", "there is no batch 'reprice.7'; did you mean 'reprice.1'?"), ("zzz", "there is no batch 'zzz'"),
    ])
    func anUnknownBatchIsAnErrorThatNamesTheNearest(_ name: String, _ message: String) throws {
        try SampleDatabase.withBatches { database in
            for verb in ["show", "graph", "diff", "verify"] {
                let result = try database.tool(verb, "--id", name)
                let hint = "hint: see the batches: batchmgr --db \(database.path) list"
                #expect(result.err == "error: ERR_UX_UNKNOWN_BATCH: \(message)\n\(hint)\n")
                #expect(result.code == 2)
            }
        }
    }

    @Test func dependentsAreDrawnAsTextDotAndJSON() throws {
        try SampleDatabase.withBatches { database in
            #expect(
                try database.tool("graph", "--id", "reprice").out.hasPrefix(
                    "reprice.1\n└─ close.1  wrote the same rows"))
            #expect(try database.tool("graph", "--id", "import").out == "import.1\n  nothing depends on it\n")
            let dot = try database.tool("graph", "--id", "reprice", "--format", "dot").out
            #expect(dot.contains("\"close.1\" -> \"reprice.1\""))
            let graph = try JSONParser.parse(try database.tool("graph", "--id", "reprice", "--format", "json").out)
            #expect(graph["dependents"]?.array?.first?.keys.prefix(4) == ["batch", "depth", "kind", "evidence"])
            #expect(graph["dependents"]?.texts("kind") == ["row"])
        }
    }

    @Test func aBatchLeftByAKilledProcessIsShownAsStopped() throws {
        try SampleDatabase.withBatches { database in
            let line = "BATCHMGR_KILL_AT=worked \"$TOOL\" --db \"$DB\" run --id late --sql 'DELETE FROM rates'"
            let killed = try database.shell(line)
            #expect(killed.code != 0)
            #expect(try database.json("list", "--status", "stopped")["batches"]?.texts("batch") == ["late.1"])
            #expect(try database.json("show", "--id", "late")["status"]?.string == "stopped")
            #expect(try database.json("list", "--status", "running")["batches"] == [])
        }
    }

    @Test(arguments: ["wal", "delete"])
    func viewsDoNotWaitForAnotherWriter(_ journal: String) throws {
        try SampleDatabase.withBatches { database in
            try database.sql("PRAGMA journal_mode = \(journal)")
            let views = ["list", "points", "show --id reprice", "diff --id reprice", "verify"]
            let calls = views.map { "\"$TOOL\" --db \"$DB\" \($0) > /dev/null || echo \($0)" }.joined(separator: "; ")
            // The writer holds its lock until the views are done.
            let writer =
                "mkfifo f; sqlite3 \"$DB\" < f & exec 3> f; echo 'BEGIN IMMEDIATE; DELETE FROM rates;' >&3; sleep 0.3; "
            let result = try database.shell("cd \"$(dirname \"$DB\")\"; \(writer)\(calls); exec 3>&-; wait")
            #expect(result.out == "" && result.err == "")
        }
    }

    @Test(arguments: ["wal", "delete"])
    func viewsWorkWhereNothingCanBeWritten(_ journal: String) throws {
        try SampleDatabase.withBatches { database in
            try database.sql("PRAGMA journal_mode = \(journal)")
            let views = [
                "list", "points", "show --id reprice", "diff --id reprice", "verify",
                "restore --point close.1 --to /dev/null/x",
            ]
            let calls = views.dropLast().map { "$RUN \"$TOOL\" --db \"$DB\" \($0) > /dev/null || echo \($0)" }
            // Root may write anywhere, so it becomes nobody where it can.
            let result = try database.shell(
                """
                cd /; chmod -R a+rX "$(dirname "$DB")"; chmod -R a-w "$(dirname "$DB")"
                [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null && RUN="setpriv --reuid 65534 --clear-groups"
                \(calls.joined(separator: "; ")); chmod -R u+w "$(dirname "$DB")"
                """)
            #expect(result.out == "", "\(result.err)")
        }
    }
}
