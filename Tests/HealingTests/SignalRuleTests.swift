import BatchCore
import TestSupport
import Testing

/// The shipped rules about what is usual, over what the application has said of itself.
@Suite struct SignalRuleTests {
    private static let hour: Int64 = 3_600_000
    private static let rules = [
        ("request_spike", "requests"), ("latency_drift", "latency_ms"), ("metering_unusual", "metering"),
        ("billing_unusual", "billing"),
    ]

    /// The series of a rule as signals, so that its first planted fault is found by the hour that has just ended.
    private func scene(_ rule: String, isFault: Bool, _ body: (BadLuckScene) throws -> Void) throws {
        let folder = TextFile.inPackage("Tests/Fixtures/rules/")
        try HealingScene.with { scene in
            try scene.shell("cp '\(TextFile.inPackage("catalog/rules.yaml"))' catalog/")
            let signals = "signals: {requests: usage, latency_ms: latency, metering: usage, billing: usage}\n"
            let settings = try TextFile.read(scene.file("batchmgr.yaml"))
            try scene.write("batchmgr.yaml", settings + signals)
            try scene.expect(0, "run", "--id", "first", "--sql", "CREATE TABLE x(a INTEGER PRIMARY KEY)")
            try scene.expect(0, "signal", "add", "requests", "--value", "1")
            let series = "\(folder)series_\(rule).jsonl"
            let planted = try JSONParser.parse(TextFile.read(folder + "planted.json"))[rule]?.array
            let from = try #require(planted?.first?.array?.first?.string)
            let times = try scene.json("rules", "test", rule, "--replay", series)["fired"]?.array ?? []
            let found = try #require(times.compactMap { $0["at"]?.string }.first { $0 >= from })
            let events = try TextFile.read(series).split(separator: "\n").map { line in
                try #require(RuleEvent(try JSONParser.parse(String(line))))
            }
            let fault = try #require(Timestamp(iso8601: found)).milliseconds
            let now = Int64(try scene.shell("date +%s").out.prefix { $0.isNumber }) ?? 0
            let shift = (now * 1_000 / SignalRuleTests.hour - 1) * SignalRuleTests.hour - fault
            let rows = events.filter { isFault ? $0.at.milliseconds <= fault : $0.at.milliseconds < fault }.map {
                event in
                let at = event.at.milliseconds + shift + (isFault ? 0 : SignalRuleTests.hour)
                return "('\(event.kind)', '\(event.tenant ?? "")', \(at), 0, 1, \(event.value ?? 0))"
            }
            try scene.write("rows.sql", "INSERT INTO signal_minutes VALUES \(rows.joined(separator: ",\n"));\n")
            try scene.sql(".read rows.sql", in: "backups/batch_manager/control.db")
            try body(scene)
        }
    }

    private func fired(_ scene: BadLuckScene, _ rule: String) throws -> [JSONValue] {
        let fired = try #require(try scene.json("rules", "check")["fired"]?.array)
        return fired.filter { $0["rule"]?.string == rule }
    }

    @Test(arguments: rules) func aFaultOfTheLastHourIsFoundOnce(rule: String, signal: String) throws {
        try scene(rule, isFault: true) { scene in
            let found = try fired(scene, rule)
            #expect(found.count == 1, "\(found)")
            let tenant = ["metering", "billing"].contains(signal) ? "t001" : nil
            #expect(found.first?["tenant"]?.string == tenant, "\(found)")
            #expect(try fired(scene, rule).isEmpty)
        }
    }

    @Test(arguments: rules) func whatIsUsualIsNoNews(rule: String, signal: String) throws {
        try scene(rule, isFault: false) { scene in
            #expect(try fired(scene, rule).isEmpty)
            let answer = try scene.json("rules", "check")
            #expect(answer["learning"]?.array?.contains(.string(rule)) == false, "\(answer)")
        }
    }

    @Test func whatNobodyHasSaidIsLearnt() throws {
        try scene("request_spike", isFault: true) { scene in
            let answer = try scene.json("rules", "check")
            #expect(answer["learning"] == ["billing_unusual", "latency_drift", "metering_unusual"], "\(answer)")
        }
    }
}
