import BatchCatalog
import BatchCore
import BatchEngine
import TestSupport
import Testing

/// `check` and `metrics write`.
@Suite struct MonitoringTests {
    /// What was read for the page before is not read again: the figures are those of reading everything.
    @Test func figuresThatAreKeptAreThoseThatAreThere() throws {
        let job = "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}\n  - {id: b, exec: [./gate]}"
        try BadLuckScene.with(jobs: ["add": job]) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(0)")
            let workspace = try Workspace.load(scene.folder)
            var (kept, unproven) = (LedgerFigures(), 0)
            func runs(gate code: Int, _ words: String...) throws -> Int {
                try scene.shell("printf '#!/bin/sh\\nexit \(code)\\n' >gate; chmod +x gate")
                _ = try scene.tool(words)
                let session = try Session.view(workspace, context: .system())
                let read = try LedgerFigures.read(session, since: kept)
                kept = read.settled
                let whole = try LedgerFigures.read(session, since: LedgerFigures()).now
                #expect(read.now.runs == whole.runs && read.now.steps == whole.steps && read.now.times == whole.times)
                #expect(read.now.lastSuccess == whole.lastSuccess && read.now.rollbacks == whole.rollbacks)
                #expect(read.now.unprovenPoints == whole.unprovenPoints, "\(words)")
                unproven = whole.unprovenPoints
                #expect(read.now.pendingPoints == whole.pendingPoints)
                return whole.runs.filter { $0.key.status == "committed" }.values.reduce(0, +)
            }
            #expect(try runs(gate: 0, "run", "--id", "add") == 1)
            #expect(try runs(gate: 1, "run", "--id", "add") == 1)
            #expect(try runs(gate: 0, "resume", "--id", "add.2") == 2)
            #expect(try runs(gate: 0, "run", "--id", "add") == 3)
            #expect(try runs(gate: 0, "drill") == 3)
            #expect(unproven == 0)
            #expect(try runs(gate: 0, "run", "--id", "add") == 4)
            #expect(unproven == 1)
        }
    }

    @Test func whatTheApplicationSaysIsSummed() throws {
        try BadLuckScene.with(
            jobs: ["own": "steps:\n  - {id: a, sql: SELECT 1}"],
            configuration: "signals: {checkout: latency, broken: error}\n"
        ) { scene in
            for value in [10, 20, 30, 4_000] { try scene.expect(0, "signal", "add", "checkout", "--value", "\(value)") }
            let refused = try scene.expect(.unknownName, "signal", "add", "chekout", "--value", "1")
            #expect(refused.err.contains("checkout"), "\(refused.err)")
            for wrong in ["-1", "x", "nan", "1e300"] {
                #expect(try scene.tool("signal", "add", "checkout", "--value", wrong).code == 2)
            }
            let signals = try scene.json("signal", "list")["signals"]?.array ?? []
            #expect(signals.map { $0["name"]?.string } == ["broken", "checkout"])
            #expect(signals.last?["count"] == .integer(4))
            #expect(signals.last?["p95"] == .number(5_000))
            #expect(signals.first?["count"] == .integer(0))
        }
    }

    @Test func manySignalsAreKeptAtOnceOrNone() throws {
        try BadLuckScene.with(configuration: "signals: {checkout: latency, pages: usage}\n") { scene in
            let many = #"awk 'BEGIN {for (i = 0; i < 100000; i++) print (i % 2 ? "checkout" : "pages"), i % 900}'"#
            let result = try scene.shell("\(many) | \"$TOOL\" signal add - --json")
            #expect(result.out.contains("\"count\":100000"), "\(result.err)")
            for wrong in ["checkout 1\\nchekout 2\\n", "checkout 1\\ncheckout\\n", "checkout -1\\n"] {
                #expect(try scene.shell("printf '\(wrong)' | \"$TOOL\" signal add -").code == 2)
            }
            let signals = try scene.json("signal", "list")["signals"]?.array ?? []
            #expect(signals.map { $0["count"] } == [.integer(50_000), .integer(50_000)])
        }
    }

    @Test func whatIsPromisedIsHeldAgainstWhatWasMeasured() throws {
        try BadLuckScene.with(
            jobs: [
                "good": "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}",
                "bad": "steps:\n  - {id: a, sql: UPDATE t SET v = NULL}",
                "nightly": "schedule: {cron: '0 2 * * *'}\nsteps:\n  - {id: a, sql: UPDATE t SET v = v + 1}",
            ]
        ) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            func surface(_ report: JSONValue) -> JSONValue? {
                report["surfaces"]?.array?.first { $0["surface"]?.string == "tenant_work" }
            }
            let before = try scene.json("metrics", "slo")
            #expect(before["surfaces"]?.array?.map { $0["level"]?.string } == ["ok", "ok", "ok"])
            #expect(before["nightly"]?.array?.first?["level"]?.string == "warning")
            #expect(surface(before)?["budget_left"] == .number(1))
            for _ in 1...3 { try scene.expect(0, "run", "good") }
            try scene.expect(0, "run", "nightly")
            #expect(try scene.tool("run", "bad").code == 1)
            let after = try scene.json("metrics", "slo")
            let work = try #require(surface(after))
            #expect(work["level"]?.string == "critical")
            let hour = try #require(work["windows"]?.array?.first)
            // The one with a schedule is judged by its age.
            #expect(hour["count"] == .integer(4))
            #expect(hour["error_percent"] == .number(25))
            // A quarter failed where 0.5 % may: 50 times too fast.
            #expect(abs((hour["burn_rate"]?.double ?? 0) - 50) < 0.001)
            #expect(after["nightly"]?.array?.first?["level"]?.string == "ok")
            #expect(after["level"]?.string == "critical")
            let late = try scene.shell("faketime -f +2d \"$TOOL\" metrics slo")
            #expect(late.out.contains("nightly: critical"), "\(late.out)\(late.err)")
            try scene.write("catalog/slo.yaml", "tenant_work: {availability: 50}\n")
            #expect(surface(try scene.json("metrics", "slo"))?["budget_left"]?.double == 0.5)
            try scene.write("catalog/slo.yaml", "tenant_wrk: {availability: 50}\n")
            let wrong = try scene.expect(.invalidCatalog, "metrics", "slo")
            #expect(wrong.err.contains("tenant_wrk"))
        }
    }

    @Test func aReportTellsOfBatchesTheirErrorsAndRollbacks() throws {
        try BadLuckScene.with(
            jobs: [
                "good": "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}",
                "bad": "steps:\n  - {id: a, sql: UPDATE t SET v = NULL}",
            ]
        ) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            for _ in 1...3 { try scene.expect(0, "run", "good") }
            #expect(try scene.tool("run", "bad").code == 1)
            try scene.expect(0, "rollback", "good.3")
            let jobs = try scene.json("metrics", "report")["jobs"]?.array ?? []
            #expect(jobs.map { $0["job"]?.string } == ["bad", "good"])
            #expect(jobs.first?["errors"]?["DATA"] == .integer(1))
            #expect(jobs.first?["error_percent"] == .number(100))
            #expect(jobs.last?["batches"] == .integer(3))
            #expect(jobs.last?["statuses"]?["committed"] == .integer(2))
            #expect(jobs.last?["rollbacks"] == .integer(1))
            for name in ["r.md", "r.html", "r.json"] {
                try scene.expect(0, "metrics", "report", "--job", "good", "--to", name)
                #expect(try scene.shell("grep -c good \(name)").code == 0)
            }
            #expect(try scene.shell("grep -c '<rect' r.html").code == 0)
            #expect(try scene.shell("grep -c -e 'rolled_back 1' -e 'No incident was opened' r.md").out == "2\n")
            let opened = try scene.shell(
                "\"$TOOL\" incident open --title 'slow' --severity warning -q >/dev/null && \"$TOOL\" metrics report --json | grep -o '\"alerts\":{[^}]*}'"
            )
            #expect(opened.out == "\"alerts\":{\"warning\":1}\n", "\(opened.err)")
            try scene.expect(.usage, "metrics", "report", "--to", "r.pdf")
        }
    }

    @Test func aReportAddsUpTheFilesOfTenants() throws {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(
                """
                cd "$1" && mkdir data
                for t in acme beta; do sqlite3 data/$t.db "CREATE TABLE t(v INTEGER); INSERT INTO t VALUES(1)"; done
                "$TOOL" init --db 'data/{tenant}.db' --tenancy file -q >/dev/null
                for t in acme acme beta; do "$TOOL" run up --sql 'UPDATE t SET v = v + 1' --tenant $t -q; done
                "$TOOL" metrics report --json | grep -o '"job":"up","batches":[0-9]*'
                "$TOOL" metrics report --tenant beta --json | grep -o '"job":"up","batches":[0-9]*'
                """, [folder])
            #expect(result.out == "\"job\":\"up\",\"batches\":3\n\"job\":\"up\",\"batches\":1\n", "\(result.err)")
        }
    }

    @Test func theExitCodeSaysHowBadItIs() throws {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(
                """
                cd "$1"
                tell() { "$TOOL" check "$@"; echo "exit $?"; }
                tell
                sqlite3 a.db "CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES(1)"
                mkdir catalog
                printf 'databases:\\n  main: {path: a.db}\\n' >batchmgr.yaml
                printf 'id: nightly\\nversion: 1.0.0\\ndescription: Adds\\nschedule: {cron: "0 2 * * *"}\\nsteps:\\n  - id: one\\n    sql: INSERT INTO t(a) SELECT max(a) + 1 FROM t\\n' >catalog/nightly.yaml
                tell
                tell --max-age 25h
                tell --max-age soon
                "$TOOL" run nightly -q
                tell --max-age 25h
                faketime -f +2d "$TOOL" check --max-age 25h --json | grep -o -e '"status":"critical","exit_code":2'
                "$TOOL" switch set safe_mode --value on --reason move -q
                tell
                mv a.db b.db
                tell
                """, [folder])
            let lines = result.out.split(separator: "\n").map(String.init)
            let starts = [
                "BATCHMGR UNKNOWN - ERR_UX_NO_WORKSPACE", "exit 3", "BATCHMGR OK - all is well", "exit 0",
                "BATCHMGR CRITICAL - nightly has never succeeded", "exit 2", "BATCHMGR UNKNOWN - ERR_UX_USAGE",
                "exit 3", "BATCHMGR OK - all is well", "exit 0", #""status":"critical","exit_code":2"#,
                "BATCHMGR WARNING - safe mode is on", "exit 1", "BATCHMGR CRITICAL - main: ERR_UX_FILE_MISSING",
                "exit 2",
            ]
            #expect(lines.count == starts.count, "\(lines) \(result.err)")
            for (line, start) in zip(lines, starts) { #expect(line.hasPrefix(start)) }
        }
    }

    @Test func runsAreCountedByWhoBeganThem() throws {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(
                """
                cd "$1"
                sqlite3 a.db "CREATE TABLE t(a INTEGER PRIMARY KEY)"
                mkdir catalog
                printf 'databases:\\n  main: {path: a.db}\\n' >batchmgr.yaml
                printf 'id: fill\\nversion: 1.0.0\\nsteps:\\n  - {id: one, sql: INSERT INTO t VALUES(NULL)}\\n' >catalog/fill.yaml
                "$TOOL" schedule add nightly --job fill --cron '0 3 * * *' -q
                "$TOOL" run fill -q
                "$TOOL" queue add fill -q; "$TOOL" queue add fill -q
                for n in 1 2 3; do "$TOOL" schedule trigger nightly -q; "$TOOL" queue work --until-empty -q; done
                "$TOOL" metrics write f.prom >/dev/null
                grep '^batchmgr_runs_total' f.prom
                """, [folder])
            func line(_ trigger: String, _ count: Int) -> String {
                "batchmgr_runs_total{database=\"main\",job=\"fill\",status=\"committed\",trigger=\"\(trigger)\"} \(count)\n"
            }
            #expect(result.out == line("person", 1) + line("queue", 2) + line("schedule", 3), "\(result.err)")
        }
    }

    @Test func figuresAreWrittenForACollectorOfTextFiles() throws {
        try TemporaryFolder.with { folder in
            let result = try BuiltTool.shell(
                """
                cd "$1"
                sqlite3 a.db "CREATE TABLE t(a INTEGER PRIMARY KEY)"
                printf 'databases:\\n  main: {path: a.db}\\n' >batchmgr.yaml
                "$TOOL" run fill --sql 'INSERT INTO t VALUES(1)' -q
                "$TOOL" metrics write f.prom --json | grep -o '"file":"f.prom"'
                grep '^batchmgr_runs_total' f.prom
                grep -c '^batchmgr_service_up 0$' f.prom
                grep -e '^batchmgr_step_duration_seconds_count' -e '^batchmgr_slo_budget_left_ratio.*work' f.prom
                if command -v promtool >/dev/null; then promtool check metrics <f.prom 2>&1; fi
                """, [folder])
            #expect(
                result.out == """
                    "file":"f.prom"
                    batchmgr_runs_total{database="main",job="fill",status="committed",trigger="person"} 1
                    1
                    batchmgr_step_duration_seconds_count{database="main",job="fill",step="sql1"} 1
                    batchmgr_slo_budget_left_ratio{surface="tenant_work"} 1

                    """)
        }
    }
}
