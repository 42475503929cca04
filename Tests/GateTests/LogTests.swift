import BatchCore
import TestSupport
import Testing

/// The structured log tells of every command from its first line, and of no value of any row.
@Suite struct LogTests {
    private static let file = "backups/batch_manager/logs/batchmgr.log"

    private func lines(_ scene: BadLuckScene, _ name: String = file) throws -> [JSONValue] {
        try scene.shell("cat \(name)").out.split(separator: "\n").map { try JSONParser.parse(String($0)) }
    }

    @Test func everyLineHasEveryField() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            try scene.expect(.unknownBatch, "rollback", "--id", "x.1")
            try scene.expect(0, "list")
            let fields = [
                "ts", "level", "msg", "event", "trace_id", "span_id", "tenant_id", "actor_id", "module_id",
                "module", "batch", "step", "code", "class",
            ]
            let all = try lines(scene)
            #expect(all.count > 10)
            for line in all {
                #expect(line.members?.map(\.key) == fields, "\(line)")
                #expect(Timestamp(iso8601: line["ts"]?.string ?? "") != nil)
                #expect(line["trace_id"]?.string?.utf8.count == 32)
                #expect(line["span_id"]?.string?.utf8.count == 16)
            }
            let steps = all.filter { $0["event"] == "step.begin" }
            #expect(Set(steps.compactMap { $0["span_id"]?.string }).count == steps.count && steps.count == 4)
            let error = try #require(all.last { $0["code"] != .null })
            #expect(error["code"] == "ERR_UX_UNKNOWN_BATCH" && error["class"] == "UX" && error["level"] == "error")
            #expect(all.first?["event"] == "command.begin" && all.last?["event"] == "command.end")
        }
    }

    /// Of the application, as the file of the job names it; the part of the tool is `module_id`.
    @Test func linesAboutABatchHaveTheModuleOfItsJob() throws {
        let job = "module: billing\nsteps:\n  - {id: a, sql: UPDATE items SET qty = 1}\n"
        try BadLuckScene.with(jobs: ["billed": job]) { scene in
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "run", "billed")
            try scene.expect(0, "rollback", "billed")
            let all = try lines(scene)
            let billed = all.filter { $0["batch"] == "billed.1" && $0["event"] != "audit" }
            for event in ["batch.begin", "step.begin", "step.end", "batch.end", "point.written", "rollback.verdict"] {
                #expect(billed.contains { $0["event"]?.string == event }, "\(event)")
            }
            #expect(billed.allSatisfy { $0["module"] == "billing" }, "\(billed)")
            #expect(all.allSatisfy { $0["batch"] == "billed.1" || $0["module"] == .null })
        }
    }

    @Test func warningsHaveCodes() throws {
        let job = "steps:\n  - id: a\n    sql: UPDATE items SET qty = 1\n  - id: b\n    exec: ['true']\n"
        try BadLuckScene.with(jobs: ["outside": job]) { scene in
            let report = try scene.json("run", "--id", "outside", "--dry-run")
            #expect(report["warning_codes"] == ["WARN_UX_STEP_LEFT_OUT"], "\(report)")
            #expect(report["warnings"]?.array?.count == 1)
            let line = try lines(scene).first { $0["event"] == "warning" }
            #expect(line?["code"] == "WARN_UX_STEP_LEFT_OUT" && line?["class"] == "UX" && line?["level"] == "warn")
        }
    }

    @Test func filesAreRotatedAndSeveralProcessesLoseNoLine() throws {
        try BadLuckScene.with(configuration: "log: {max_kib: 2, keep: 400}\n") { scene in
            let work = """
                for n in 1 2 3 4; do (for m in 1 2 3 4 5; do "$TOOL" list >/dev/null; done) & done; wait
                """
            try scene.shell(work)
            let result = try scene.shell("cat backups/batch_manager/logs/batchmgr.log*")
            let all = try result.out.split(separator: "\n").map { try JSONParser.parse(String($0)) }
            #expect(all.count { $0["event"] == "command.begin" } == 20)
            #expect(all.count { $0["event"] == "command.end" } == 20)
            #expect(scene.has("\(Self.file).1"))
            let shown = try scene.shell("\"$TOOL\" logs --lines 1000 --json").out.split(separator: "\n")
            #expect(shown.count == all.count)
        }
    }

    @Test func oldFilesGo() throws {
        try BadLuckScene.with(configuration: "log: {max_kib: 1, keep: 2}\n") { scene in
            for _ in 1...20 { try scene.expect(0, "list") }
            let names = try scene.shell("ls backups/batch_manager/logs").out
            #expect(names == "batchmgr.log\nbatchmgr.log.1\nbatchmgr.log.2\n")
        }
    }

    @Test func theLevelOfTheConfigurationIsKept() throws {
        try BadLuckScene.with(configuration: "log: {level: error}\n") { scene in
            try scene.expect(0, "run", "--id", "multi")
            #expect(!scene.has(Self.file))
            try scene.expect(.unknownBatch, "rollback", "--id", "x.1")
            #expect(try lines(scene).count == 1)
        }
    }

    @Test(arguments: [
        "log: {max_kib: 0}\n", "log: {max_kib: many}\n", "log: {keep: -1}\n", "log: {level: loud}\n",
        "log: {lavel: info}\n",
    ])
    func badSettingsAreNamed(_ configuration: String) throws {
        try BadLuckScene.with(configuration: configuration) { scene in
            _ = try scene.expect(.invalidConfiguration, "list")
        }
    }

    @Test(arguments: [
        "mkdir -p backups/batch_manager && touch backups/batch_manager/logs",
        "mkdir -p backups/batch_manager/logs/batchmgr.log",
    ])
    func aLogThatCannotBeWrittenFailsNothing(_ damage: String) throws {
        try BadLuckScene.with { scene in
            try scene.shell(damage)
            try scene.expect(0, "run", "--id", "multi")
            try scene.expectWhole("without a log")
        }
    }

    // MARK: logs

    @Test func linesAreChosenByTraceLevelAndNumber() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "multi")
            try scene.expect(.unknownBatch, "rollback", "--id", "x.1")
            #expect(try scene.tool("logs", "--lines", "3").out.split(separator: "\n").count == 3)
            let bad = try scene.tool("logs", "--level", "error").out
            #expect(bad.split(separator: "\n").count == 1 && bad.contains("ERR_UX_UNKNOWN_BATCH"), "\(bad)")
            #expect(try scene.tool("logs", "--trace", "none").out.isEmpty)
            try scene.expect(.usage, "logs", "--level", "loud")
            try scene.shell("echo '{\"half' >> \(Self.file); echo >> \(Self.file)")
            #expect(try scene.tool("logs", "--lines", "1").code == 0)
        }
    }

    @Test func followingGoesOnThroughARotationAndEndsOnAnInterrupt() throws {
        try BadLuckScene.with(configuration: "log: {max_kib: 1, keep: 50}\n") { scene in
            let line = """
                "$TOOL" list >/dev/null
                "$TOOL" logs -f --json --lines 0 > followed & follower=$!
                sleep 0.6
                for n in 1 2 3 4 5 6 7 8; do "$TOOL" points >/dev/null; done
                sleep 0.6; kill -INT $follower; wait $follower; echo $?
                """
            let result = try BuiltTool.shell("cd '\(scene.folder)'\n\(line)", shell: "/bin/bash")
            #expect(result.out == "0\n", "\(result.out)\(result.err)")
            let followed = try scene.shell("grep -c '\"msg\":\"batchmgr points' followed").out
            #expect(followed == "16\n")
            #expect(scene.has("\(Self.file).2"))
        }
    }
}
