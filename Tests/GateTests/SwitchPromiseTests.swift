import BatchCore
import BatchLedger
import TestSupport
import Testing

/// SAFE_MODE applies nothing; a switch holds back what it names, also half-way.
@Suite struct SwitchPromiseTests {
    static let jobs = [
        "billed": "module: billing\nsteps:\n  - id: one\n    sql: UPDATE items SET price = 0",
        "slow": """
        steps:
          - id: rows
            for_each: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i FROM n
            chunk: 1
            sql: >
              INSERT INTO log(what) SELECT 'slow ' || :i || ' ' || (WITH RECURSIVE m(j) AS
              (SELECT 1 UNION ALL SELECT j + 1 FROM m WHERE j < 20000) SELECT count(*) FROM m)
        """,
        "inside": """
        steps:
          - id: first
            sql: UPDATE items SET price = price + 100
          - id: switch
            exec: [sh, off]
          - id: second
            sql: UPDATE items SET qty = qty + 100
        """,
    ]

    /// A workspace in which `multi.1` has run.
    static func with<Value>(_ body: (BadLuckScene) throws -> Value) throws -> Value {
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.expect(0, "run", "--id", "multi")
            return try body(scene)
        }
    }

    static func set(_ scene: BadLuckScene, _ name: String, _ value: String, for time: String? = nil) throws {
        let words = ["switch", "set", "--name", name, "--value", value, "--reason", "month end"]
        try scene.expect(0, words + (time.map { ["--for", $0] } ?? []))
    }

    @Test(arguments: [
        ("safe_mode", ["run", "--id", "billed"]), ("safe_mode", ["run", "--id", "own", "--sql", "DELETE FROM items"]),
        ("safe_mode:job:billed", ["run", "--id", "billed"]), ("safe_mode:module:billing", ["run", "--id", "billed"]),
        ("safe_mode:tenant:acme", ["run", "--id", "billed", "--tenant", "acme"]),
        ("safe_mode", ["erase", "--table", "items", "--where", "1", "--yes"]),
    ])
    func safeModeAppliesNothing(_ name: String, _ words: [String]) throws {
        try Self.with { scene in
            let before = try scene.dump()
            try Self.set(scene, name, "on")
            let result = try scene.tool(words)
            #expect([3, 7].contains(result.code), "\(result.out)\(result.err)")
            #expect((result.out + result.err).contains("month end"), "\(result.out)\(result.err)")
            #expect(try scene.dump() == before)
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches") == "1")
            try scene.expect(0, "run", "--id", "billed", "--dry-run")
            #expect(try scene.dump() == before)
            try Self.set(scene, name, "off")
            try scene.expect(0, words)
            #expect(try scene.dump() != before)
        }
    }

    @Test func safeModeLetsAPersonGoBack() throws {
        try BadLuckScene.with { scene in
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "multi")
            try Self.set(scene, "safe_mode", "on")
            try scene.expect(0, "rollback", "--id", "multi.1")
            #expect(try scene.dump() == before)
            try scene.expect(0, "restore", "--point", "multi.1", "--in-place")
            #expect(try scene.dump() != before)
        }
    }

    @Test func whatSafeModeHoldsBackBecomesAPlanThatItDoesNotApplyEither() throws {
        try Self.with { scene in
            try Self.set(scene, "safe_mode", "on")
            let before = try scene.dump()
            let planned = try scene.expect(7, "run", "--id", "billed")
            #expect(planned.out.contains("month end"), "\(planned.out)")
            try scene.expect(0, "plan", "approve", "--id", "plan.1", "--as", "carol")
            try scene.expect(.safeMode, "plan", "apply", "--id", "plan.1")
            #expect(try scene.dump() == before)
            try Self.set(scene, "safe_mode", "off")
            try scene.expect(0, "plan", "apply", "--id", "plan.1")
            #expect(try scene.sql("SELECT sum(price) FROM items") == "0")
        }
    }

    @Test func aReplayRunsNothingThatIsDisabled() throws {
        try Self.with { scene in
            try scene.expect(0, "run", "--id", "follow")
            try Self.set(scene, "job:follow", "disabled")
            let before = try scene.dump()
            try scene.expect(.jobDisabled, "rollback", "--id", "multi.1", "--mode", "replay")
            #expect(try scene.dump() == before)
            try scene.expect(0, "rollback", "--id", "multi.1", "--mode", "cascade")
        }
    }

    @Test(arguments: [
        ("job:billed", "disabled", ErrorCode.jobDisabled, "enabled"),
        ("module:billing", "off", .moduleOff, "on"),
    ])
    func whatIsOffDoesNotRunAndNothingElseIsHeldBack(
        _ name: String, _ value: String, _ code: ErrorCode, _ back: String
    ) throws {
        try Self.with { scene in
            try Self.set(scene, name, value)
            let refused = try scene.expect(code, "run", "--id", "billed")
            #expect(refused.err.contains("month end"))
            try scene.expect(code, "run", "--id", "billed", "--dry-run")
            try scene.expect(0, "run", "--id", "follow")
            try Self.set(scene, name, back)
            try scene.expect(0, "run", "--id", "billed")
        }
    }

    @Test(arguments: [
        ("job:biled", "disabled", "there is no job 'biled'; did you mean 'billed'?"),
        ("safe_mode:job:biled", "on", "did you mean 'billed'?"), ("module:biling", "off", "did you mean 'billing'?"),
        ("job:nobody", "disabled", "there is no job 'nobody'"),
    ])
    func aSwitchForSomethingThatIsNotThereIsAnError(_ name: String, _ value: String, _ says: String) throws {
        try Self.with { scene in
            let words = ["switch", "set", "--name", name, "--value", value, "--reason", "r"]
            let refused = try scene.expect(.unknownSwitch, from: words)
            #expect(refused.err.contains(says), "\(refused.err)")
            try scene.expect(0, words + ["--unknown"])
            // What was set once can be set back.
            try Self.set(scene, name, value == "off" ? "on" : value == "on" ? "off" : "enabled")
        }
    }

    @Test func aJobThatHasRunIsKnownWithoutACatalog() throws {
        try Self.with { scene in
            try scene.expect(0, "run", "--id", "adhoc", "--sql", "UPDATE items SET qty = qty")
            try Self.set(scene, "job:adhoc", "disabled")
        }
    }

    @Test func aBrokenCatalogDoesNotKeepASwitchFromBeingSet() throws {
        try Self.with { scene in
            try scene.write("catalog/broken.yaml", "id: [")
            try Self.set(scene, "job:anything", "disabled")
        }
    }

    @Test func aDegradedModuleRunsWhatAPersonBegins() throws {
        try Self.with { scene in
            try Self.set(scene, "module:billing", "degraded")
            try scene.expect(0, "run", "--id", "billed")
        }
    }

    @Test(arguments: [("job:inside", "disabled"), ("safe_mode", "on"), ("safe_mode:job:inside", "on")])
    func aSwitchStopsARunningBatchAtItsNextCheckpoint(_ name: String, _ value: String) throws {
        try Self.with { scene in
            let command = "switch set --name \(name) --value \(value) --reason 'from inside' --json"
            try scene.write("off", "exec '\(BuiltTool.path)' \(command)\n")
            let stopped = try scene.expect(.stopped, "run", "--id", "inside")
            #expect(stopped.err.contains("from inside") && stopped.err.contains(name), "\(stopped.err)")
            #expect(try scene.status("inside.1") == "stopped")
            #expect(try scene.sql("SELECT sum(price >= 100), sum(qty >= 100) FROM items") == "4|0")
            // The ledger knows of it although the batch had the database then.
            #expect(try scene.sql("SELECT value FROM batchmgr_switches WHERE name = '\(name)'") == value)
            #expect(try scene.tool("resume", "--id", "inside.1").code == 3)
            try Self.set(scene, name, value == "on" ? "off" : "enabled")
            try scene.write("off", "true\n")
            try scene.expect(0, "resume", "--id", "inside.1")
            #expect(try scene.sql("SELECT sum(price >= 100), sum(qty >= 100) FROM items") == "4|4")
            try scene.expectWhole("after \(name)")
        }
    }

    @Test func aChunkedStepStopsBetweenTwoChunksAndGoesOnThere() throws {
        try Self.with { scene in
            let result = try scene.shell(
                """
                "$TOOL" run --id slow > out 2>&1 & run=$!
                until [ "$(sqlite3 app.db "PRAGMA busy_timeout=5000; SELECT count(*) FROM log WHERE what LIKE 'slow%'" | tail -1)" -gt 3 ]
                do sleep 0.05; done
                "$TOOL" switch set --name job:slow --value disabled --reason 'too slow' >&2
                wait $run; echo $?; cat out
                """)
            #expect(result.out.hasPrefix("130\n"), "\(result.out)\(result.err)")
            #expect(result.out.contains("too slow"))
            let done = Int(try scene.sql("SELECT count(*) FROM log WHERE what LIKE 'slow%'")) ?? 0
            #expect(done > 3 && done < 400)
            #expect(try scene.status("slow.1") == "stopped")
            try Self.set(scene, "job:slow", "enabled")
            try scene.expect(0, "resume", "--id", "slow.1")
            #expect(
                try scene.sql("SELECT count(*), count(DISTINCT what) FROM log WHERE what LIKE 'slow%'") == "400|400")
        }
    }

    @Test func aSettingEndsByItself() throws {
        try Self.with { scene in
            try Self.set(scene, "safe_mode", "on", for: "700ms")
            #expect(try scene.tool("run", "--id", "billed").code != 0)
            try scene.shell("sleep 0.8")
            try scene.expect(0, "run", "--id", "billed")
            #expect(try scene.json("switch", "list")["switches"]?.array?.count == 0)
        }
    }

    @Test func aDatabaseDoesNotEscapeItsSwitchesByItsPath() throws {
        try BadLuckScene.with(configuration: "backups: elsewhere\n") { scene in
            try scene.expect(0, "run", "--id", "multi")
            try Self.set(scene, "safe_mode", "on")
            let before = try scene.dump()
            let result = try scene.tool("--db", "app.db", "run", "--id", "own", "--sql", "DELETE FROM items")
            #expect([3, 7].contains(result.code), "\(result.out)\(result.err)")
            #expect(try scene.dump() == before)
            // Whoever sets it last decides, from wherever.
            try scene.expect(
                0, "--db", "app.db", "switch", "set", "--name", "safe_mode", "--value", "off", "--reason", "over")
            try scene.expect(0, "--db", "app.db", "run", "--id", "own", "--sql", "DELETE FROM items")
        }
    }

    @Test func anApplicationReadsTheSwitchesFromTheLedger() throws {
        try Self.with { scene in
            try Self.set(scene, "module:billing", "degraded")
            try Self.set(scene, "safe_mode", "on", for: "900ms")
            let ledger = try Ledger(try Connection(path: scene.file("app.db"), mode: .readOnly))
            #expect(try ledger.switchValue("module:billing") == "degraded")
            #expect(try ledger.switchValue("module:other") == "on")
            #expect(try ledger.switchValue("safe_mode:tenant:acme") == "on")
            #expect(try ledger.switchValue("job:multi") == "enabled")
            try scene.shell("sleep 1")
            #expect(try ledger.switchValue("safe_mode:tenant:acme") == "off")
            #expect(throws: BatchError.self) { try ledger.switchValue("modul:billing") }
        }
    }

    @Test func aSettingDoesNotLookLikeDrift() throws {
        try Self.with { scene in
            try Self.set(scene, "safe_mode", "on")
            #expect(try scene.tool("drift", "show").out.contains("nothing was changed"))
            try scene.expectWhole("with a switch set")
        }
    }

    @Test func everySettingIsKeptWithWhoWhenAndWhy() throws {
        try Self.with { scene in
            try Self.set(scene, "job:billed", "disabled")
            try scene.shell(
                "BATCHMGR_ACTOR=bob exec \"$TOOL\" switch set --name job:billed --value enabled --reason 'it is right now'"
            )
            let history = try scene.json("switch", "list", "--history")["switches"]?.array ?? []
            #expect(history.map { $0["value"]?.string } == ["enabled", "disabled"])
            #expect(history.map { $0["old"]?.string } == ["disabled", "enabled"])
            #expect(history.map { $0["holds"]?.bool } == [true, false])
            #expect(history.first?["actor"]?.string == "bob")
            #expect(history.map { $0["reason"]?.string } == ["it is right now", "month end"])
            let audit = try scene.json("audit", "list")["entries"]?.array ?? []
            let rows = audit.filter { $0["action"]?.string == "switch set" }
            #expect(rows.map { $0["details"]?["old"]?.string } == ["enabled", "disabled"])
            #expect(rows.last?["actor"]?.string == "bob")
            #expect(try scene.tool("audit", "verify").code == 0)
            #expect(Timestamp(iso8601: history.first?["set_at"]?.string ?? "") != nil)
        }
    }

    /// A time that could not be read back has held back the whole workspace.
    @Test func aSwitchForThousandsOfYearsHolds() throws {
        try Self.with { scene in
            try Self.set(scene, "job:billed", "disabled", for: "999999999d")
            let listed = try scene.json("switch", "list")["switches"]?.array?.first
            #expect(listed?["expires_at"]?.string == "9999-12-31T23:59:59.999Z", "\(String(describing: listed))")
            try scene.expect(.jobDisabled, "run", "billed")
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "switch", "set", "job:billed", "enabled", "--reason", "again")
            try scene.expect(0, "run", "billed")
        }
    }

    @Test(arguments: [
        (["--name", "safemode", "--value", "on", "--reason", "r"], "did you mean 'safe_mode'?"),
        (["--name", "job:billed", "--value", "on", "--reason", "r"], "job:billed cannot be 'on'"),
        (["--name", "safe_mode", "--value", "on", "--reason", " "], "needs a reason"),
        (["--name", "safe_mode", "--value", "on"], "needs --reason"),
        (["--name", "safe_mode", "--value", "on", "--reason", "r", "--for", "2 days"], "is not a duration"),
        (["--name", "safe_mode", "--value", "on", "--reason", "r", "--for", "0h"], "is not a duration"),
    ])
    func aWrongSettingIsAnErrorAndSetsNothing(_ words: [String], _ message: String) throws {
        try Self.with { scene in
            let result = try scene.expect(2, ["switch", "set"] + words)
            #expect(result.err.contains(message), "\(result.err)")
            #expect(result.err.contains("\nhint: "))
            #expect(try scene.json("switch", "list", "--history")["switches"]?.array?.count == 0)
        }
    }

    @Test func aSwitchThatCannotBeReadHoldsEverythingBack() throws {
        try Self.with { scene in
            try Self.set(scene, "safe_mode", "on", for: "1h")
            try scene.sql(
                "UPDATE switches SET expires_at = 'soon'", in: "backups/batch_manager/control.db")
            try scene.expect(.corruptLedger, "run", "--id", "billed")
        }
    }
}
