import BatchCore
import TestSupport
import Testing

/// Rules that are judged directly after a checkpoint, and rules that only tell.
@Suite struct RealtimeRuleTests {
    private static let jobs = [
        "grow": """
        tenant: required
        module: billing
        steps:
          - id: all
            for_each: SELECT no FROM bills WHERE owner = :tenant ORDER BY no
            chunk: 1
            sql: UPDATE bills SET sum = sum + 1 WHERE no = :no
        """
    ]

    private func scene(_ rules: String, _ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with(jobs: RealtimeRuleTests.jobs) { scene in
            try scene.write("catalog/modules.yaml", "billing: {tables: [bills]}\n")
            try scene.write("catalog/rules.yaml", rules)
            try body(scene)
        }
    }

    private func incidents(_ scene: BadLuckScene) throws -> [String] {
        try scene.json("incident", "list")["incidents"]?.array?.compactMap { $0["title"]?.string } ?? []
    }

    @Test(arguments: [true, false]) func aBatchStopsBeforeItsNextCheckpoint(isSlow: Bool) throws {
        let threshold = isSlow ? 0 : 900_000
        let rule =
            "event: checkpoint, judge: level, threshold: \(threshold), by: [module], action: block, when: realtime"
        try scene("slow: {\(rule)}\n") { scene in
            let result = try scene.tool("run", "grow", "--tenant", "a")
            #expect(result.code == (isSlow ? ErrorCode.stopped.exitCode.rawValue : 0), "\(result.err)")
            #expect(result.err.contains("after checkpoint 1") == isSlow, "\(result.err)")
            let sums = try scene.sql("SELECT group_concat(sum, '|') FROM bills WHERE owner = 'a'")
            #expect(sums == (isSlow ? "11|21" : "11|22"))
            #expect(try incidents(scene) == (isSlow ? ["slow"] : []))
            let names = try scene.json("switch", "list")["switches"]?.array?.compactMap { $0["name"]?.string }
            #expect(names == (isSlow ? ["module:billing"] : []))
        }
    }

    /// Nobody has to ask with `rules check`, and within the cooldown it is one incident.
    @Test func aRefusedCheckpointIsJudgedAtOnce() throws {
        let rule = "event: cross_tenant, judge: count, window: 24h, threshold: 1, severity: critical, action: incident"
        for when in ["realtime", "check"] {
            try scene("leak: {\(rule), when: \(when)}\n") { scene in
                for name in ["one", "two"] {
                    try scene.expect(
                        .otherTenant, "run", "--id", name, "--sql", "UPDATE bills SET sum = 0", "--tenant", "a")
                }
                #expect(try incidents(scene) == (when == "realtime" ? ["leak"] : []))
                if when == "realtime" { try scene.expect(0, "rules", "check") }
            }
        }
    }

    @Test func whatHappensOutsideACheckpointCannotBeJudgedThere() throws {
        for (rule, mistake) in [
            ("event: quota, judge: level", "when: realtime is for the events attempt, checkpoint"),
            ("event: checkpoint, judge: spike", "does not know what is usual"),
            ("event: disk_free, judge: level, repair: repair_cache", "does not begin within another one"),
        ] {
            try scene("wrong: {\(rule), when: realtime}\n") { scene in
                let result = try scene.expect(ErrorCode.invalidCatalog.exitCode.rawValue, "catalog", "validate")
                #expect(result.out.contains(mistake), "\(result.out)")
                // What they forbid is not known.
                try scene.expect(.invalidCatalog, "run", "grow", "--tenant", "a")
            }
        }
        try scene("wrong: {event: checkpoint, judge: level}\n") { scene in
            let result = try scene.expect(ErrorCode.invalidCatalog.exitCode.rawValue, "catalog", "validate")
            #expect(result.out.contains("needs 'when: realtime'"), "\(result.out)")
        }
    }

    /// How long that takes is in the span that the trace has of each.
    @Test func eachCheckpointIsJudged() throws {
        let names = ["checkpoint", "attempt", "disk_free", "memory", "load", "error"]
        let rules = names.map {
            "r_\($0): {event: \($0), judge: level, by: [module, tenant], threshold: 900000000, when: realtime}\n"
        }
        try scene(rules.joined()) { scene in
            let settings = try TextFile.read(scene.file("batchmgr.yaml"))
            try scene.write("batchmgr.yaml", settings + "traces: {sample: 100}\n")
            try scene.sql(
                "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 309) INSERT INTO bills SELECT i, 'a', i, 'new' FROM n"
            )
            try scene.expect(0, "run", "grow", "--tenant", "a")
            let file = try TextFile.read(scene.file("backups/batch_manager/logs/traces.jsonl"))
            let trace = try JSONParser.parse(String(try #require(file.split(separator: "\n").last)))
            let spans = trace["resourceSpans"]?.array?.first?["scopeSpans"]?.array?.first?["spans"]?.array ?? []
            let judged = spans.count { $0["name"]?.string == "rules" }
            #expect(judged >= 300, "\(judged) of \(spans.count)")
        }
    }

    // MARK: Told

    /// Failures at the given minutes, each with two looks after it, and one look an hour later.
    /// - Returns: how often people were told.
    private func told(cooldown: String, failuresAt minutes: [Int]) throws -> Int {
        var told = 0
        let rule = "event: error, judge: count, window: 10m, threshold: 1, cooldown: \(cooldown), action: notify"
        try scene("again: {\(rule)}\n") { scene in
            let settings = try TextFile.read(scene.file("batchmgr.yaml"))
            try scene.write("batchmgr.yaml", settings + "notify: [{command: [./tell], events: [incident]}]\n")
            try scene.write("tell", "#!/bin/sh\ncat >>told; echo >>told\n", isProgram: true)
            try scene.sql("CREATE TABLE mark(a)")
            try scene.expect(0, "run", "--id", "first", "--sql", "CREATE TABLE x(a INTEGER PRIMARY KEY)")
            for minute in minutes {
                let result = try scene.shell(
                    """
                    faketime -f "+\(minute)m" "$TOOL" run --id bad\(minute) --sql 'UPDATE nothing SET x = 1' -q
                    faketime -f "+\(minute)m" "$TOOL" rules check -q
                    faketime -f "+\(minute + 2)m" "$TOOL" rules check -q && echo quiet
                    """)
                #expect(result.out.hasSuffix("quiet\n"), "\(minute): \(result.out)\(result.err)")
            }
            told = Int(try scene.shell("grep -c '\"rule\":\"again\"' told").out.prefix { $0.isNumber }) ?? 0
        }
        return told
    }

    @Test func whatIsOnlyToldIsToldOnce() throws {
        #expect(try told(cooldown: "1s", failuresAt: [0, 5]) == 2)
        #expect(try told(cooldown: "30m", failuresAt: [0, 5, 40]) == 2)
    }
}
