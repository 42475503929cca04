import BatchCore
import TestSupport
import Testing

/// Every action leaves an audit row with trace id, whatever became of it, and one alone.
@Suite struct AuditActionTests {
    /// What `audit list` says of one command, found by the trace id that its log has.
    private func rows(_ scene: BadLuckScene) throws -> [JSONValue] {
        let trace = try scene.shell(
            "grep command.end backups/batch_manager/logs/batchmgr.log | tail -1 | sed 's/.*\"trace_id\":\"\\([0-9a-f]*\\)\".*/\\1/'"
        ).out.prefix(32)
        #expect(trace.utf8.count == 32)
        return try scene.json("audit", "list", "--trace", String(trace))["entries"]?.array ?? []
    }

    private func expectRow(
        _ scene: BadLuckScene, _ action: String, _ outcome: String, in chain: String = "ledger",
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let all = try rows(scene)
        let own = all.filter { $0["action"]?.string == action }
        #expect(own.count == 1, "\(action): \(all)", sourceLocation: location)
        #expect(own.first?["outcome"]?.string == outcome, "\(all)", sourceLocation: location)
        #expect(own.first?["chain"]?.string == chain, "\(all)", sourceLocation: location)
        #expect(own.first?["hash"]?.string?.utf8.count == 64, "\(all)", sourceLocation: location)
    }

    private struct Act: Sendable, CustomTestStringConvertible {
        let words: [String]
        let outcome: String
        /// A shell line before it.
        var before = "true"
        /// A dry run and a check leave the database as it is.
        var chain: String {
            let isCheck = ["verify", "audit"].contains(words[0])
            let isSpared = ["--dry-run", "--plan-out"].contains { words.contains($0) } || words.contains("old.db")
            return isCheck || isSpared ? "control" : "ledger"
        }
        var testDescription: String { words.joined(separator: " ") }
    }

    private static let update = ["run", "--id", "b", "--sql", "UPDATE items SET qty = 9"]

    private static let acts = [
        Act(words: update, outcome: "committed"),
        Act(words: update + ["--dry-run"], outcome: "dry run"),
        Act(words: update + ["--key", "k"], outcome: "done", before: "\"$TOOL\" run --id b --sql 'SELECT 1' --key k"),
        Act(words: ["run", "--id", "b", "--sql", "UPDATE nothing SET x = 1"], outcome: "failed"),
        Act(words: ["run", "--id", "b", "--sql", "UPDATE nothing SET x = 1", "--dry-run"], outcome: "failed"),
        Act(words: ["run", "--id", "b", "--sql", "ATTACH 'x' AS y"], outcome: "refused"),
        Act(words: ["run", "--id", "nobody"], outcome: "refused"),
        Act(words: ["run", "--id", "rollback", "--sql", "SELECT 1"], outcome: "refused"),
        Act(words: ["resume", "--id", "a.1"], outcome: "refused"),
        Act(
            words: ["resume", "--id", "multi.1"], outcome: "committed",
            before: "BATCHMGR_KILL_AT=item-statement \"$TOOL\" run --id multi"),
        Act(words: ["stop", "--id", "a.1"], outcome: "refused"),
        Act(words: ["rollback", "--id", "a.1"], outcome: "committed"),
        Act(words: ["rollback", "--id", "a.1", "--dry-run"], outcome: "dry run"),
        Act(words: ["rollback", "--id", "a.1", "--plan-out", "p.json"], outcome: "dry run"),
        Act(words: ["rollback", "--id", "a.9"], outcome: "refused"),
        Act(
            words: ["rollback", "--id", "a.1"], outcome: "refused",
            before: "\"$TOOL\" run --id b --sql 'UPDATE items SET price = price + 1'"),
        Act(
            words: ["rollback", "--id", "a.1"], outcome: "refused",
            before: "sqlite3 app.db 'UPDATE items SET price = price + 5'"),
        Act(words: ["restore", "--point", "a.1^", "--to", "old.db"], outcome: "done"),
        Act(words: ["restore", "--point", "z.1", "--to", "old.db"], outcome: "refused"),
        Act(words: ["restore", "--point", "a.1^", "--in-place"], outcome: "committed"),
        Act(
            words: ["drift", "adopt"], outcome: "adopted",
            before: "sqlite3 app.db 'UPDATE items SET qty = 7 WHERE id = 1'"
        ),
        Act(words: ["drift", "adopt"], outcome: "refused"),
        Act(
            words: ["drift", "undo"], outcome: "committed",
            before: "sqlite3 app.db 'UPDATE items SET qty = 7 WHERE id = 1'"),
        Act(words: ["guard", "set", "--mode", "track"], outcome: "track"),
        Act(words: ["prune", "--keep-last", "1", "--dry-run"], outcome: "dry run"),
        Act(
            words: ["prune", "--keep-last", "1", "--yes"], outcome: "removed",
            before: "\"$TOOL\" run --id a --sql 'UPDATE items SET qty = 3'"),
        Act(words: ["erase", "--table", "items", "--where", "id = 1", "--yes"], outcome: "erased"),
        Act(words: ["erase", "--table", "items", "--where", "id = 1", "--dry-run"], outcome: "dry run"),
        Act(words: ["erase", "--table", "nobody", "--where", "1", "--yes"], outcome: "refused"),
        Act(words: ["drill"], outcome: "passed"),
        Act(words: ["drill", "--sample", "0"], outcome: "refused"),
        Act(words: ["verify"], outcome: "done"),
        Act(words: ["verify"], outcome: "failed", before: "rm backups/batch_manager/*.bak"),
        Act(words: ["history", "compact"], outcome: "done"),
        Act(words: ["audit", "verify"], outcome: "done"),
        Act(words: ["audit", "export", "--format", "csv", "--to", "a.csv"], outcome: "done"),
    ]

    @Test(arguments: acts)
    private func everyActionLeavesOneRow(_ act: Act) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET price = price + 1")
            try scene.shell(act.before)
            let result = try scene.tool(act.words)
            #expect((result.code == 0) == !["refused", "failed"].contains(act.outcome), "\(result.out)\(result.err)")
            let verb = act.words.prefix { !$0.hasPrefix("-") }.joined(separator: " ")
            try expectRow(scene, verb, act.outcome, in: act.chain)
            #expect(try scene.tool("audit", "verify").code == 0)
        }
    }

    // MARK: Where there is no ledger

    @Test(arguments: [
        (["run", "--id", "nobody"], "refused"), (["verify"], "done"), (["drill"], "done"),
        (["init", "--database", "x.db"], "refused"), (["rollback", "--id", "b.1"], "refused"),
        (["guard", "set", "--mode", "enforce"], "enforce"),
    ])
    func whatCannotBeInALedgerIsInControl(_ words: [String], _ outcome: String) throws {
        try BadLuckScene.with { scene in
            try scene.tool(words)
            let verb = words.prefix { !$0.hasPrefix("-") }.joined(separator: " ")
            try expectRow(scene, verb, outcome, in: verb == "guard set" ? "ledger" : "control")
        }
    }

    @Test func aDatabaseThatIsNoneIsInControl() throws {
        try BadLuckScene.with { scene in
            try scene.write("text.db", "this is no database, and long enough to be looked at by SQLite\n")
            try scene.expect(.notADatabase, "--db", "text.db", "run", "--id", "b", "--sql", "SELECT 1")
            try expectRow(scene, "run", "refused", in: "control")
        }
    }

    @Test func aPathThatWasMistypedLeavesNothing() throws {
        try BadLuckScene.with { scene in
            try scene.shell("mkdir other")
            try scene.expect(.fileMissing, "--db", "other/no.db", "run", "--id", "b", "--sql", "SELECT 1")
            #expect(try scene.shell("ls other").out.isEmpty)
        }
    }

    @Test func whatAnotherProcessIsInTheWayOfIsInControl() throws {
        try BadLuckScene.with(jobs: ["slow": "steps:\n  - id: wait\n    exec: [sh, -c, 'touch begun; sleep 3']\n"]) {
            scene in
            let line = """
                "$TOOL" run --id slow >/dev/null &
                while [ ! -e begun ]; do sleep 0.05; done
                "$TOOL" run --id b --sql 'SELECT 1' 2>err; echo $?
                "$TOOL" stop --id slow.1 >/dev/null; echo $?; wait
                """
            let result = try scene.shell(line)
            #expect(result.out == "75\n0\n", "\(result.out)\(result.err)")
            let all = try scene.json("audit", "list")["entries"]?.array ?? []
            let control = all.filter { $0["chain"]?.string == "control" }
            #expect(control.contains { $0["action"]?.string == "run" && $0["outcome"]?.string == "refused" }, "\(all)")
            #expect(control.contains { $0["action"]?.string == "stop" && $0["batch"]?.string == "slow.1" }, "\(all)")
        }
    }

    // MARK: What a row says

    @Test func theRowTheReportTheCommitAndTheLogBearOneTrace() throws {
        try BadLuckScene.with { scene in
            let report = try scene.json("run", "--id", "multi")
            let trace = try #require(report["trace_id"]?.string)
            #expect(try scene.sql("SELECT trace_id FROM batchmgr_audit WHERE action = 'run'") == trace)
            #expect(try scene.sql("SELECT trace_id FROM batchmgr_batches") == trace)
            let commit = try scene.shell("git --git-dir backups/batch_manager/history.git log -1 --format=%B main").out
            #expect(commit.contains("Trace-Id: \(trace)\n"))
            let log = try scene.shell("\"$TOOL\" logs --trace \(trace) --json").out
            for event in ["command.begin", "batch.begin", "step.begin", "step.end", "batch.end", "command.end"] {
                #expect(log.contains("\"event\":\"\(event)\""), "\(event): \(log)")
            }
        }
    }

    @Test func errorsAreNamedByCodeAndClassAndNoValueIsKept() throws {
        try BadLuckScene.with { scene in
            try scene.sql("CREATE TABLE people(email TEXT UNIQUE CHECK(email <> 'hidden-value-1'))")
            let bad = [
                "INSERT INTO people VALUES('hidden-value-1')", "SELECT hidden-value-2 FRM", "SELECT 'hidden-value-3",
                "SELECT json('hidden-value-4')",
                "CREATE TRIGGER x BEFORE INSERT ON people BEGIN SELECT RAISE(ABORT, 'hidden-value-5'); END; INSERT INTO people VALUES('hidden-value-6')",
            ]
            for sql in bad { #expect(try scene.tool("run", "--id", "b", "--sql", sql).code != 0) }
            _ = try scene.tool("run", "--id", "b", "--sql", "SELECT :p", "--set", "p=hidden-value-7")
            _ = try scene.tool("run", "--id", "b", "--set", "hidden-value-8=1")
            let details = try scene.sql("SELECT group_concat(details) FROM batchmgr_audit WHERE outcome = 'failed'")
            #expect(details.contains("\"code\":\"ERR_DATA_CONSTRAINT\",\"class\":\"DATA\""), "\(details)")
            let dump = try scene.shell("sqlite3 app.db '.dump batchmgr_audit'; cat backups/batch_manager/logs/*").out
            #expect(!dump.contains("hidden-value"), "\(dump)")
        }
    }

    @Test func aTenantSeesItsOwnRowsAlone() throws {
        let columns = "    tenancy: column\n    tenant_column: tenant\n"
        try BadLuckScene.with(configuration: columns) { scene in
            try scene.sql(
                "CREATE TABLE notes(id INTEGER PRIMARY KEY, tenant TEXT, v INT); INSERT INTO notes VALUES(1, 'a', 1), (2, 'b', 1)"
            )
            for tenant in ["a", "b"] {
                _ = try scene.tool(
                    "--tenant", tenant, "run", "--id", "n", "--sql", "UPDATE notes SET v = 2 WHERE tenant = '\(tenant)'"
                )
                _ = try scene.tool("--tenant", tenant, "run", "--id", "nobody")
            }
            let rows = try scene.json("--tenant", "a", "audit", "list")["entries"]?.array ?? []
            #expect(rows.count == 2, "\(rows)")
            #expect(rows.allSatisfy { $0["tenant"]?.string == "a" }, "\(rows)")
        }
    }

    @Test func filtersFindWhatTheyName() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 9")
            try scene.shell("BATCHMGR_ACTOR=eve \"$TOOL\" rollback --id b")
            func count(_ words: String...) throws -> Int? {
                let result = try scene.tool(["audit", "list", "--json"] + words)
                return try JSONParser.parse(result.out)["entries"]?.array?.count
            }
            #expect(try count("--actor", "eve") == 1)
            #expect(try count("--action", "run") == 1)
            #expect(try count("--id", "b.1") == 2)
            #expect(try count("--since", "2999-01-01") == 0)
            #expect(try count("--since", "2000-01-01T00:00:00Z") == 3)
            #expect(try count("--limit", "1") == 1)
            try scene.expect(.usage, "audit", "list", "--since", "yesterday")
        }
    }

    // MARK: Export

    @Test func anExportIsWholeSafeAndRegistered() throws {
        try BadLuckScene.with { scene in
            try scene.shell("BATCHMGR_ACTOR='=cmd()' \"$TOOL\" run --id b --sql 'UPDATE items SET qty = 9'")
            let csv = try scene.json("audit", "export", "--format", "csv", "--to", "a.csv")
            #expect(csv["rows"]?.integer == 2)
            let sum = try scene.shell("sha256sum a.csv").out.prefix(64)
            #expect(csv["sha256"]?.string == String(sum))
            let text = try scene.shell("cat a.csv").out
            #expect(text.contains("'=cmd()") && !text.contains(",=cmd()"), "\(text)")
            let row = "SELECT details FROM batchmgr_audit WHERE action = 'audit export'"
            #expect(try scene.sql(row, in: "backups/batch_manager/control.db").contains(sum))
            try scene.expect(0, "audit", "export", "--format", "jsonl", "--to", "a.jsonl")
            let lines = try scene.shell("cat a.jsonl").out.split(separator: "\n")
            #expect(lines.count == 4)
            for line in lines { #expect(try JSONParser.parse(String(line))["hash"]?.string?.utf8.count == 64) }
            try scene.expect(.invalidParameter, "audit", "export", "--format", "csv", "--to", "app.db")
            #expect(try scene.tool("verify").code == 0)
        }
    }
}
