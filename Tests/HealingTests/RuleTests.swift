import BatchCore
import TestSupport
import Testing

/// The shipped rules on recorded streams, their thresholds, and what follows when they fire.
@Suite struct RuleTests {
    private static let folder = TextFile.inPackage("Tests/Fixtures/rules/")

    private static let names = [
        "repeated_error", "many_retries", "dead_letter", "many_dead_letters", "quota_near", "quota_used",
        "cross_tenant",
        "disk_short", "invalid_output", "input_rejected", "too_many_running", "rising_errors", "review_queue_long",
        "review_queue_old", "engine_changed", "memory_full", "load_high", "request_spike", "latency_drift",
        "metering_unusual", "billing_unusual", "pdf_invalid", "engine_errors", "document_stale", "document_damaged",
        "document_waits_for_disk",
    ]
    private static let dynamic = ["request_spike", "latency_drift", "metering_unusual", "billing_unusual"]

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with { scene in
            try scene.shell("cp '\(TextFile.inPackage("catalog/rules.yaml"))' catalog/")
            try body(scene)
        }
    }

    private func fired(_ scene: BadLuckScene, _ rule: String, _ stream: String) throws -> [JSONValue] {
        let answer = try scene.json("rules", "test", rule, "--replay", RuleTests.folder + stream)
        return try #require(answer["fired"]?.array, "\(answer)")
    }

    @Test func everyShippedRuleHasAStreamThatTripsItAndOneThatJustDoesNot() throws {
        try scene { scene in
            let rules = try scene.json("rules", "list")["rules"]?.array?.compactMap { $0["rule"]?.string } ?? []
            #expect(rules == RuleTests.names)
            for rule in rules {
                #expect(try !fired(scene, rule, "\(rule).trips.jsonl").isEmpty, "\(rule)")
                #expect(try fired(scene, rule, "\(rule).holds.jsonl").isEmpty, "\(rule)")
            }
        }
    }

    /// Each planted fault within two windows, and at most one false alarm a week.
    @Test(arguments: dynamic) func faultsInFourWeeksAreFound(rule: String) throws {
        try scene { scene in
            let planted = try JSONParser.parse(try scene.shell("cat '\(RuleTests.folder)planted.json'").out)[rule]?
                .array
            let times = try fired(scene, rule, "series_\(rule).jsonl").compactMap { $0["at"]?.string }
            var alarms = times
            for fault in try #require(planted) {
                let (from, to) = (fault.array?.first?.string ?? "", fault.array?.last?.string ?? "")
                #expect(times.contains { $0 >= from && $0 < to }, "\(rule) \(from): \(times)")
                // What goes on is told again.
                let day = from.prefix(10)
                alarms.removeAll { $0.prefix(10) == day }
            }
            let weeks = try alarms.map { try #require(Timestamp(iso8601: $0)).milliseconds / (7 * 86_400_000) }
            #expect(Set(weeks).count == weeks.count, "\(rule): more than one false alarm in a week: \(alarms)")
        }
    }

    @Test func nothingIsJudgedByThirtyValuesAndLearningIsShown() throws {
        try scene { scene in
            let lines = try scene.shell("head -25 '\(RuleTests.folder)series_request_spike.jsonl'").out
            let wild = #"{"at":"2026-03-03T05:00:00.000Z","kind":"requests","value":100000}"#
            try scene.write("few.jsonl", lines + wild + "\n")
            let answer = try scene.json("rules", "test", "request_spike", "--replay", "few.jsonl")
            #expect(answer["fired"]?.array?.isEmpty == true && answer["learning"] == ["request_spike"])
        }
    }

    @Test func aThresholdIsSwitchedWithinTheBoundsOfItsRule() throws {
        try scene { scene in
            try scene.expect(
                0, "switch", "set", "threshold:repeated_error.threshold", "--value", "6", "--reason", "noise")
            #expect(try fired(scene, "repeated_error", "repeated_error.trips.jsonl").isEmpty)
            try scene.expect(
                .usage, "switch", "set", "threshold:repeated_error.threshold", "--value", "1", "--reason", "too few")
            try scene.expect(
                .unknownSwitch, "switch", "set", "threshold:repeated_eror.threshold", "--value", "6", "--reason", "slip"
            )
        }
    }

    /// A job of level 2 is refused in its rehearsal, one of level 3 when its plan is made.
    @Test(arguments: 1...3) func anAttackOnAnotherTenantIsCriticalAndBlocks(level: Int) throws {
        try scene { scene in
            try scene.write(
                "catalog/rules.yaml",
                "leak: {event: cross_tenant, judge: count, window: 24h, threshold: 1, severity: critical, action: block}\n"
            )
            try scene.expect(
                0, "run", "--id", "fix", "--sql", "UPDATE bills SET sum = sum + 1 WHERE owner = 'a'", "--tenant", "a")
            try scene.expect(0, "rules", "check")
            try scene.write(
                "catalog/bad.yaml",
                "id: bad\nversion: 1.0.0\nlevel: \(level)\nsteps:\n  - {id: all, sql: UPDATE bills SET sum = 0}\n")
            try scene.expect(.otherTenant, "run", "--id", "bad", "--tenant", "a")
            try scene.expect(1, "rules", "check")
            let incident = try scene.json("incident", "show", "1")
            #expect(incident["severity"]?.string == "critical" && incident["tenant"]?.string == "a")
            #expect(incident["blast_radius"]?["batches"] == ["bad.1"], "\(incident)")
            let commands = incident["actions"]?.array?.compactMap { $0["command"]?.string } ?? []
            #expect(commands.contains("batchmgr show bad.1"), "\(commands)")
            let switches = try scene.json("switch", "list")["switches"]?.array?.compactMap { $0["name"]?.string }
            #expect(switches == ["safe_mode:tenant:a"])
            // It is not told again within the cooldown.
            try scene.expect(0, "rules", "check")
        }
    }

    /// Refused, too; but nobody worked for one tenant and reached another.
    @Test(arguments: [
        ["--sql", "UPDATE bills SET sum = 0"],
        ["--sql", "INSERT INTO notes VALUES('x')"],
        ["--sql", "INSERT INTO notes VALUES('x')", "--tenant", "a"],
        ["--sql", "CREATE TABLE more(x)", "--tenant", "a"],
    ]) func aSlipInAnOrdinaryRunIsNoAttack(_ words: [String]) throws {
        try scene { scene in
            try scene.sql("CREATE TABLE notes(text TEXT)")
            try scene.write(
                "catalog/rules.yaml",
                "leak: {event: cross_tenant, judge: count, window: 24h, threshold: 1, severity: critical, action: block}\n"
                    + "any: {event: error, judge: count, window: 24h, threshold: 1, by: [code], action: incident}\n")
            try scene.expect(.otherTenant, from: ["run", "--id", "slip"] + words)
            try scene.expect(1, "rules", "check")
            let causes = try scene.json("incident", "list")["incidents"]?.array?.compactMap { $0["cause"]?.string }
            #expect(causes == ["rule:any:ERR_SECURITY_TENANT"], "\(causes ?? [])")
            #expect(try scene.json("switch", "list")["switches"]?.array?.isEmpty == true)
        }
    }

    /// Of a rule with a threshold: what it could be, within its bounds. Nothing is changed.
    @Test func aPostmortemProposesThresholds() throws {
        try scene { scene in
            try scene.write(
                "catalog/rules.yaml",
                "often: {event: error, judge: count, window: 24h, threshold: 2, bounds: [2, 9], severity: critical}\n")
            for _ in 1...2 { try scene.expect(1, "run", "--id", "bad", "--sql", "UPDATE nothing SET x = 1") }
            try scene.expect(1, "rules", "check")
            try scene.expect(0, "incident", "postmortem", "1", "--to", "page.md")
            let page = try scene.shell("cat page.md").out
            let command = "switch set threshold:often.threshold --value 3 --reason 'postmortem of incident.1'"
            #expect(page.contains("## Prevention") && page.contains(command), "\(page)")
            // The lower bound leaves nothing earlier.
            #expect(!page.contains("notice it earlier"), "\(page)")
            let actions = try scene.json("incident", "show", "1")["actions"]?.array ?? []
            #expect(
                actions.contains { $0["command"]?.string == "batchmgr \(command)" && $0["level"]?.integer == 3 },
                "\(actions)")
            #expect(try scene.json("switch", "list")["switches"]?.array?.isEmpty == true)
            try scene.shell("\"$TOOL\" \(command)")
            let threshold = try scene.json("rules", "list")["rules"]?.array?.first?["threshold"]
            #expect(threshold == .integer(3) || threshold == .number(3), "\(threshold ?? .null)")
        }
    }

    @Test func aStreamThatIsNoneIsToldWithItsLine() throws {
        try scene { scene in
            try scene.write("bad.jsonl", #"{"at":"2026-03-03T05:00:00.000Z","kind":"error"}"# + "\nnothing\n")
            let result = try scene.expect(.usage, "rules", "test", "--replay", "bad.jsonl")
            #expect(result.err.contains("line 2"))
        }
    }
}

/// Programs that are not called while their circuit is open.
@Suite struct CircuitTests {
    @Test func anOpenCircuitCallsNothingAndSurvivesARestart() throws {
        try HealingScene.with(jobs: ["tell": "steps:\n  - {id: a, exec: [./tell]}\n"]) { scene in
            try scene.write("tell", "#!/bin/sh\necho x >> calls\ntest -f works\n", isProgram: true)
            try scene.write("catalog/circuits.yaml", "outside: {program: ./tell, failures: 3}\n")
            for _ in 0..<3 { try scene.expect(.commandFailed, "run", "tell") }
            let refused = try scene.expect(.circuitOpen, "run", "tell")
            #expect(refused.code == 3 && refused.err.contains("it failed too often"), "\(refused.err)")
            #expect(try scene.shell("wc -l < calls").out.contains("3"))
            let circuit = try scene.json("circuit", "list")["circuits"]?.array?.first
            #expect(circuit?["state"]?.string == "open" && circuit?["pause_ms"]?.integer == 60_000)
            try scene.write("works", "")
            try scene.expect(0, "circuit", "close", "outside")
            try scene.expect(0, "run", "tell")
            try scene.expect(0, "circuit", "open", "outside", "--reason", "they move")
            let closed = try scene.expect(.circuitOpen, "run", "tell")
            #expect(closed.err.contains("a person has opened it"), "\(closed.err)")
            try scene.expect(.unknownName, "circuit", "close", "outsid")
        }
    }
}

/// Releases: recorded, compared, and gone back to.
@Suite struct ReleaseTests {
    @Test func catalogAndConfigurationComeBackAndTheRestIsMovedAside() throws {
        try HealingScene.with { scene in
            try scene.expect(.wrongState, "release", "rollback")
            try scene.expect(0, "release", "record", "v1")
            try scene.expect(0, "release", "validate", "v1")
            let before = try scene.shell("cat catalog/*.yaml").out
            try scene.write("catalog/more.yaml", "id: more\nversion: 1.0.0\nsteps:\n  - {id: a, sql: SELECT 1}\n")
            try scene.write(
                "catalog/repair_cache.yaml", "id: repair_cache\nversion: 2.0.0\nsteps:\n  - {id: a, sql: SELECT 1}\n")
            let differences = try scene.json("release", "compare", "v1")["differences"]?.array ?? []
            #expect(
                differences.compactMap { $0["name"]?.string } == ["catalog/more.yaml", "catalog/repair_cache.yaml"])
            try scene.expect(0, "release", "rollback", "--dry-run")
            #expect(scene.has("catalog/more.yaml"))
            let report = try scene.json("release", "rollback")
            #expect(report["restored"] == ["catalog/repair_cache.yaml"] && report["removed"] == ["catalog/more.yaml"])
            #expect(try scene.shell("cat catalog/*.yaml").out == before)
            #expect(try scene.shell("cat backups/batch_manager/reports/removed_*/*").out.contains("id: more"))
            #expect(try scene.json("release", "compare", "v1")["differences"]?.array?.isEmpty == true)
        }
    }

    @Test func anotherSchemaIsRefusedWithItsBatchesAndUndoneWithThem() throws {
        try HealingScene.with { scene in
            try scene.expect(0, "release", "record", "v1")
            try scene.expect(0, "release", "validate", "v1")
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "one", "--sql", "CREATE TABLE extra(a INTEGER PRIMARY KEY)")
            try scene.expect(0, "run", "--id", "two", "--sql", "ALTER TABLE parts ADD COLUMN note")
            try scene.expect(
                0, "run", "--id", "three", "--sql", "UPDATE bills SET state = 'x' WHERE owner = 'a'", "--tenant",
                "a")
            try scene.expect(
                0, "run", "--id", "four", "--sql", "UPDATE parts SET note = 'x' WHERE owner = 'a'", "--tenant", "a")
            let refused = try scene.expect(.schemaChanged, "release", "rollback")
            #expect(refused.err.contains("two.1, one.1"))
            // What depends on them goes too, and is named before and after.
            let planned = try scene.json("release", "rollback", "--with-batches", "--dry-run")
            let report = try scene.json("release", "rollback", "--with-batches")
            #expect(planned["batches"] == ["four.1", "two.1", "one.1"] && report["batches"] == planned["batches"])
            #expect(try scene.status("four.1") == "rolled_back")
            #expect(try scene.status("one.1") == "rolled_back" && scene.status("two.1") == "rolled_back")
            #expect(try scene.status("three.1") != "rolled_back")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE kind = 'rollback'") == "1")
            #expect(try scene.dump().contains("CREATE TABLE extra") == before.contains("CREATE TABLE extra"))
            try scene.expectWhole("after the rollback of a release")
        }
    }
}
