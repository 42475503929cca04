import BatchCore
import Glibc
import TestSupport
import Testing

/// `traces:`, with a receiver that listens.
@Suite struct TraceTests {
    private struct Span {
        let json: JSONValue

        var name: String { json["name"]?.string ?? "" }
        var trace: String { json["traceId"]?.string ?? "" }
        var id: String { json["spanId"]?.string ?? "" }
        var parent: String? { json["parentSpanId"]?.string }
        var hasFailed: Bool { json["status"]?["code"]?.integer == 2 }
        var end: Int64 { Int64(json["endTimeUnixNano"]?.string ?? "") ?? 0 }
        var start: Int64 { Int64(json["startTimeUnixNano"]?.string ?? "") ?? .max }

        func attribute(_ key: String) -> String? {
            let found = json["attributes"]?.array?.first { $0["key"]?.string == key }?["value"]
            return found?["stringValue"]?.string ?? found?["intValue"]?.string
        }
    }

    /// Python that knows the published schema; any other one where it could not be got.
    private static let python: String = {
        let known = TextFile.inPackage(".build/extension/hosts/bin/python")
        return access(known, X_OK) == 0 ? known : "python3"
    }()

    private static let jobs = [
        "good": "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}\n  - {id: b, sql: UPDATE t SET v = v + 2}",
        "half": "steps:\n  - {id: a, sql: UPDATE t SET v = v + 1}\n  - {id: tell, exec: [./tell]}",
        "careful": "level: 2\nsteps:\n  - {id: a, sql: UPDATE t SET v = v + 1}",
    ]

    /// - Parameter settings: of `traces:`, beside the address.
    /// - Returns: what the receiver got.
    private func spans(_ settings: String, _ script: String, _ body: (BadLuckScene, [Span]) throws -> Void) throws {
        try BadLuckScene.with(jobs: TraceTests.jobs) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            let result = try scene.shell(
                """
                mkfifo said
                "$1" "$2" >said & R=$!
                read -r port <said
                printf 'traces: {url: "http://127.0.0.1:%s/v1/traces", \(settings)}\\n' "$port" >>batchmgr.yaml
                \(script)
                kill $R
                """, [TraceTests.python, TextFile.inPackage("Tests/Fixtures/otlp_receiver.py")])
            let wrong = scene.has("wrong.txt") ? try TextFile.read(scene.file("wrong.txt")) : ""
            #expect(wrong.isEmpty, "\(wrong)")
            let lines = scene.has("got.jsonl") ? try TextFile.read(scene.file("got.jsonl")) : ""
            // What was sent stands in the file too.
            if scene.has("got.jsonl") {
                #expect(
                    try TextFile.read(scene.file("backups/batch_manager/logs/traces.jsonl")) == lines, "\(result.err)")
            }
            try body(
                scene,
                try lines.split(separator: "\n").flatMap { line -> [Span] in
                    let document = try JSONParser.parse(String(line))
                    let groups = document["resourceSpans"]?.array ?? []
                    return groups.flatMap { $0["scopeSpans"]?.array ?? [] }.flatMap { $0["spans"]?.array ?? [] }
                        .map(Span.init)
                })
        }
    }

    @Test func aRunIsShownFromItsStepsToItsRestorePoint() throws {
        try spans("sample: 100", #""$TOOL" run good -q"#) { scene, spans in
            let run = try #require(spans.first { $0.name == "run good" })
            #expect(run.parent == nil)
            #expect(run.attribute("batchmgr.batch") == "good.1")
            func child(_ name: String, of span: Span) throws -> Span {
                let found = try #require(spans.first { $0.name == name && $0.parent == span.id }, "\(name)")
                #expect(found.start >= span.start && found.end <= span.end)
                return found
            }
            let step = try child("step b", of: run)
            #expect(step.attribute("batchmgr.step.kind") == "sql")
            let gateway = try child("gateway", of: try child("attempt", of: step))
            #expect(gateway.attribute("batchmgr.rows") == "1")
            _ = try child("restore point", of: run)
            #expect(Set(spans.map(\.trace)).count == 1)
            // The line of the log has the ids of the step.
            let log = try scene.shell(
                "grep -c '\"trace_id\":\"\(step.trace)\",\"span_id\":\"\(step.id)\"' backups/batch_manager/logs/batchmgr.log"
            )
            #expect(log.out == "2\n")
        }
    }

    @Test func whatFailsRepairsOrTakesBackIsKeptAlways() throws {
        let script = """
            printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell
            "$TOOL" run good -q
            "$TOOL" run half -q 2>err && exit 9
            "$TOOL" run careful -q
            "$TOOL" rollback good.1 --mode cascade -q --yes
            """
        try spans("sample: 0", script) { _, spans in
            #expect(!spans.contains { $0.name == "run good" })
            let failed = try #require(spans.first { $0.name == "run half" })
            #expect(failed.hasFailed)
            #expect(spans.contains { $0.name == "step tell" && $0.parent == failed.id && $0.hasFailed })
            #expect(spans.contains { $0.name == "run careful" && !$0.hasFailed })
            #expect(spans.contains { $0.name == "rollback" })
        }
    }

    @Test func aBatchThatGoesOnLeadsToItsFirstTrace() throws {
        let script = """
            printf '#!/bin/sh\\nexit 1\\n' >tell; chmod +x tell
            "$TOOL" run half -q 2>err && exit 9
            printf '#!/bin/sh\\nexit 0\\n' >tell
            "$TOOL" resume half.1 -q
            """
        try spans("sample: 100", script) { _, spans in
            let runs = spans.filter { $0.name == "run half" }
            #expect(runs.count == 2)
            let link = try #require(runs.last?.json["links"]?.array?.first)
            #expect(link["traceId"]?.string == runs.first?.trace)
            #expect(link["spanId"]?.string == runs.first?.id)
            #expect(runs.first?.trace != runs.last?.trace)
        }
    }

    /// The process that was killed wrote nothing: the next one writes the span that it leads to.
    @Test func aBatchWhoseProcessWasKilledLeadsToItsFirstTraceToo() throws {
        let script = """
            "$TOOL" queue add good -q
            BATCHMGR_KILL_AT=committed "$TOOL" queue work --until-empty -q
            "$TOOL" queue work --until-empty -q
            """
        try spans("sample: 100", script) { scene, spans in
            #expect(try scene.sql("SELECT v FROM t") == "4")
            let runs = spans.filter { $0.name == "run good" }
            #expect(runs.count == 2)
            #expect(runs.first?.hasFailed == true && runs.last?.hasFailed == false)
            let link = try #require(runs.last?.json["links"]?.array?.first)
            #expect(link["traceId"]?.string == runs.first?.trace)
            #expect(link["spanId"]?.string == runs.first?.id)
            #expect(runs.first?.attribute("batchmgr.batch") == "good.1")
            #expect(try #require(runs.first).end <= #require(runs.last).start)
        }
    }

    @Test func aJobOfTheQueueHasItsBatchWithinAndItsPointLater() throws {
        let script = """
            for n in 1 2 3; do "$TOOL" queue add good -q; done
            "$TOOL" queue work --until-empty -q
            """
        try spans("sample: 100", script) { _, spans in
            let attempts = spans.filter { $0.name == "queue good" }
            #expect(attempts.count == 3)
            #expect(Set(attempts.map(\.trace)).count == 3)
            for attempt in attempts {
                let run = try #require(spans.first { $0.name == "run good" && $0.parent == attempt.id })
                #expect(spans.contains { $0.name == "restore point" && $0.parent == run.id && $0.trace == run.trace })
            }
        }
    }

    /// From the firing to its job, and from each attempt of the job back to the firing; of a part of them, both or none.
    @Test func aFiringAndItsJobLeadToEachOther() throws {
        let script = """
            "$TOOL" schedule add often --job good --cron '0 0 1 1 *' -q >nothing
            for n in $(seq 20); do "$TOOL" schedule trigger often -q >nothing; done
            "$TOOL" queue work --until-empty -q
            """
        try spans("sample: 50", script) { scene, spans in
            let firings = spans.filter { $0.name == "schedule often" }
            #expect(!firings.isEmpty)
            for firing in firings {
                let attempt = try #require(
                    spans.first { span in
                        span.name == "queue good" && span.json["links"]?.array?.first?["spanId"]?.string == firing.id
                    })
                #expect(attempt.json["links"]?.array?.first?["traceId"]?.string == firing.trace)
                #expect(attempt.trace != firing.trace)
                let jobs = firing.json["attributes"]?.array?.first { $0["key"]?.string == "batchmgr.queue.jobs" }
                let job = try #require(
                    jobs?["value"]?["arrayValue"]?["values"]?.array?.first?["intValue"]?.string)
                #expect(attempt.attribute("batchmgr.queue.job") == job)
                let shown = try scene.json("queue", "show", job)
                #expect(shown["trace_id"]?.string == firing.trace)
            }
        }
    }

    @Test func aReceiverThatIsNotThereHoldsNothingUp() throws {
        try BadLuckScene.with(
            jobs: TraceTests.jobs, configuration: "traces: {url: 'http://127.0.0.1:9/v1/traces', sample: 100}\n"
        ) { scene in
            try scene.sql("CREATE TABLE t(v INTEGER NOT NULL); INSERT INTO t VALUES(1)")
            try scene.expect(0, "run", "good")
            #expect(try scene.shell("grep -c 'run good' backups/batch_manager/logs/traces.jsonl").out == "1\n")
        }
    }
}
