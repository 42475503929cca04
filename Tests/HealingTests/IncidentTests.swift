import BatchCore
import TestSupport
import Testing

/// Incidents from the moment they are noticed until they are closed.
@Suite struct IncidentTests {
    @Test func oneIsOpenedLookedAfterAndClosed() throws {
        try HealingScene.with { scene in
            try scene.expect(
                0, "run", "--id", "fix", "--sql", "UPDATE bills SET state='x' WHERE owner='a'", "--tenant", "a")
            let opened = try scene.json(
                "incident", "open", "--title", "totals differ", "--severity", "error", "--batch", "fix.1")
            #expect(opened["id"]?.string == "incident.1" && opened["status"]?.string == "open")
            // What had changed before, and how far it reaches.
            #expect(opened["hints"]?.array?.first?["subject"]?.string == "fix.1")
            #expect(opened["blast_radius"]?["tenants"] == ["a"])
            try scene.expect(0, "incident", "ack", "incident.1", "--reason", "looking")
            #expect(try scene.json("incident", "show", "1")["status"]?.string == "acknowledged")
            try scene.expect(0, "incident", "close", "1", "--reason", "wrong rate, corrected")
            let closed = try scene.json("incident", "show", "incident.1")
            #expect(closed["status"]?.string == "closed" && closed["timeline"]?.array?.count == 3)
            try scene.expect(.wrongState, "incident", "close", "1", "--reason", "twice")
            try scene.expect(.unknownName, "incident", "show", "incident.9")
            let actions = try scene.json("audit", "list")["entries"]?.array?.compactMap { $0["action"]?.string } ?? []
            #expect(Set(["incident open", "incident ack", "incident close"]).isSubset(of: actions))
        }
    }

    /// A batch for no tenant reaches the rows of all. A tenant sees its own alone.
    @Test func whatWasDoneForNoTenantIsAHintForEachTenant() throws {
        try HealingScene.with { scene in
            try scene.expect(0, "run", "--id", "all", "--sql", "CREATE TABLE extra(a INTEGER PRIMARY KEY)")
            try scene.expect(
                0, "run", "--id", "other", "--sql", "UPDATE bills SET state='x' WHERE owner='b'", "--tenant", "b")
            try scene.expect(
                0, "run", "--id", "own", "--sql", "UPDATE bills SET state='x' WHERE owner='a'", "--tenant", "a")
            // What failed and kept nothing is none, and hides nothing.
            for _ in 1...25 { try scene.tool("run", "--id", "futile", "--sql", "UPDATE nothing SET a = 1") }
            try scene.expect(0, "switch", "set", "tenant:b", "--value", "isolated", "--reason", "test")
            func hints(_ answer: JSONValue) -> [String] {
                answer["hints"]?.array?.compactMap { $0["subject"]?.string } ?? []
            }
            let opened = try scene.json("incident", "open", "--title", "wrong", "--tenant", "a")
            #expect(hints(opened) == ["own.1"], "\(opened)")
            let shown = try scene.json("incident", "show", "1")
            #expect(hints(shown) == ["tenant:b", "own.1", "all.1"], "\(shown)")
            #expect(shown["hints"]?.array?.last?["text"] == "committed, 0 rows, schema changed", "\(shown)")
        }
    }

    @Test func aCriticalOneIsClosedOnlyWhenItsPostmortemReachedSomebody() throws {
        try HealingScene.with { scene in
            try scene.expect(0, "incident", "open", "--title", "rows of another tenant", "--severity", "critical")
            try scene.expect(.wrongState, "incident", "close", "1", "--reason", "done")
            // Written, and in nobody's hands.
            try scene.expect(0, "incident", "postmortem", "1", "--cause", "a join without the tenant")
            try scene.expect(.wrongState, "incident", "close", "1", "--reason", "done")
            try scene.expect(
                0, "incident", "postmortem", "1", "--cause", "a join without the tenant", "--prevention",
                "the contract is realtime now", "--owner", "ann", "--due", "2026-12-01", "--to", "lesson.md")
            let page = try scene.shell("cat lesson.md").out
            for words in ["a join without the tenant", "the contract is realtime now", "Owner: ann, due 2026-12-01"] {
                #expect(page.contains(words))
            }
            // What was written once stays, whatever the next page is made for.
            try scene.expect(0, "incident", "postmortem", "1", "--owner", "grace", "--to", "again.md")
            #expect(
                try scene.shell("cat again.md").out.replacing("Owner: grace", with: "Owner: ann").contains(
                    page.split(separator: "## Actions")[1]))
            #expect(try scene.shell("cat again.md").out.contains("a join without the tenant"))
            try scene.expect(0, "incident", "close", "1", "--reason", "done")
        }
    }

    @Test func aTargetOfNotifyGetsThePostmortem() throws {
        try HealingScene.with { scene in
            let configuration = try scene.shell("cat batchmgr.yaml").out
            try scene.write(
                "batchmgr.yaml",
                configuration + "notify:\n  - {command: [sh, -c, 'cat >> told.jsonl'], events: [incident]}\n")
            try scene.expect(0, "incident", "open", "--title", "lost", "--severity", "critical")
            try scene.expect(0, "incident", "postmortem", "1")
            try scene.expect(0, "incident", "close", "1", "--reason", "found")
            let told = try scene.shell("cat told.jsonl").out.split(separator: "\n")
            #expect(told.count == 2 && told.last?.contains("Postmortem of incident.1") == true)
        }
    }

    @Test func aBundleHoldsWhatHelpsAndNoSecretAndNoValueOfARow() throws {
        try HealingScene.with { scene in
            let configuration = try scene.shell("cat batchmgr.yaml").out
            try scene.write(
                "batchmgr.yaml",
                configuration
                    + "notify:\n  - {url: 'http://ann:hunter2@127.0.0.1:1/hook-s3cr3t', events: [drift], timeout: 1s}\n"
            )
            let token = try scene.json("token", "create", "--name", "t", "--role", "viewer")["token"]?.string ?? ""
            try scene.expect(
                0, "run", "--id", "fix", "--sql", "UPDATE bills SET state = :state WHERE owner = 'a'", "--set",
                "state=row-value-77", "--tenant", "a")
            try scene.expect(
                0, "incident", "open", "--title", "password=hunter2 and \(token) at http://ann:hunter2@host/x")
            let report = try scene.json("incident", "bundle", "1", "--to", "b.tar.zst")
            let names = report["entries"]?.array?.compactMap(\.string) ?? []
            for name in [
                "incident.json", "host.json", "config.json", "states.json", "jobs.json", "versions.json", "metrics.txt",
            ] {
                #expect(names.contains(name), "\(name)")
            }
            #expect(names.contains { $0.hasPrefix("logs/") })
            let unpacked = try scene.shell("mkdir out && tar -x --zstd -f b.tar.zst -C out && cat $(find out -type f)")
            #expect(unpacked.code == 0, "\(unpacked.err)")
            #expect(unpacked.out.contains("incident.1"))
            for secret in ["hunter2", "hook-s3cr3t", "row-value-77", token] where !secret.isEmpty {
                #expect(!unpacked.out.contains(secret), "\(secret)")
            }
            #expect(!token.isEmpty)
        }
    }
}
