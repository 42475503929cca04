import BatchCore
import TestSupport
import Testing

/// An audit chain that nobody can rewrite.
@Suite struct AuditChainTests {
    private static let control = "backups/batch_manager/control.db"

    /// Three batches, a rollback and a refusal in the ledger; refusals and a restore in control.db; then a commit, and
    /// rows after it.
    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            for _ in 1...3 { try scene.expect(.unknownJob, "run", "--id", "nobody") }
            for round in 1...3 {
                try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = \(round)0")
            }
            try scene.expect(0, "rollback", "--id", "b")
            try scene.expect(.unknownBatch, "rollback", "--id", "b.9")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_audit") == "6")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_audit", in: Self.control) == "4")
            try body(scene)
        }
    }

    /// The findings of `audit verify`, as `kind chain seq`.
    private func findings(_ scene: BadLuckScene, _ code: Int32 = 6) throws -> [String] {
        let result = try scene.tool("audit", "verify", "--json")
        #expect(result.code == code, "\(result.out)\(result.err)")
        return try JSONParser.parse(result.out)["findings"]?.array?.map { finding in
            let seq = finding["seq"]?.integer.map { "\($0)" } ?? "-"
            return "\(finding["kind"]?.string ?? "") \(finding["chain"]?.string ?? "") \(seq)"
        } ?? []
    }

    @Test func aChainThatNobodyTouchedHolds() throws {
        try scene { scene in
            #expect(try findings(scene, 0) == [])
            let report = try scene.json("audit", "verify")
            #expect(report["rows"]?["ledger"]?.integer == 6, "\(report)")
            #expect(report["rows"]?["control"]?.integer == 5)
            #expect((report["signed_heads"]?.integer ?? 0) >= 9, "\(report)")
            try scene.expectWhole("untouched")
        }
    }

    @Test(arguments: [
        ("UPDATE batchmgr_audit SET outcome = 'done' WHERE seq = 3", ["edited ledger 3"]),
        ("UPDATE batchmgr_audit SET actor = 'eve' WHERE seq = 1", ["edited ledger 1"]),
        ("UPDATE batchmgr_audit SET tenant = '' WHERE seq = 2", ["edited ledger 2"]),
        ("UPDATE batchmgr_audit SET details = '{}' WHERE seq = 4", ["edited ledger 4"]),
        ("UPDATE batchmgr_audit SET hash = NULL WHERE seq = 2", ["edited ledger 2"]),
        ("UPDATE batchmgr_audit SET hash = previous_hash WHERE seq = 2", ["edited ledger 2"]),
        ("DELETE FROM batchmgr_audit WHERE seq = 3", ["deleted ledger 3"]),
        ("DELETE FROM batchmgr_audit WHERE seq = 1", ["deleted ledger 1"]),
        (
            "DELETE FROM batchmgr_audit WHERE seq = 3; UPDATE batchmgr_audit SET seq = seq - 1 WHERE seq > 3",
            ["deleted ledger 3", "truncated ledger 6"]
        ),
        (
            "UPDATE batchmgr_audit SET seq = -3 WHERE seq = 3; UPDATE batchmgr_audit SET seq = 3 WHERE seq = 4; UPDATE batchmgr_audit SET seq = 4 WHERE seq = -3",
            ["reordered ledger 3", "reordered ledger 4"]
        ),
        ("DELETE FROM batchmgr_audit WHERE seq = 6", ["truncated ledger 6"]),
        ("DELETE FROM batchmgr_audit WHERE seq > 2", ["truncated ledger 3"]),
        ("DELETE FROM batchmgr_audit", ["truncated ledger 1"]),
        (
            "INSERT INTO batchmgr_audit SELECT -1, at, trace_id, actor, tenant, action, batch, outcome, details, details_hash, previous_hash, hash FROM batchmgr_audit WHERE seq = 2",
            ["inserted ledger -1"]
        ),
        ("DROP TABLE batchmgr_audit", ["replaced ledger 1"]),
        ("UPDATE batchmgr_meta SET value = 'another' WHERE key = 'database_id'", ["replaced ledger 1"]),
    ])
    func whatWasDoneToTheLedgerIsFoundAndNamed(_ attack: String, _ wanted: [String]) throws {
        try scene { scene in
            try scene.sql(attack)
            #expect(try findings(scene) == wanted, "\(attack)")
            // Neither looking nor working hides it.
            #expect(try scene.tool("verify").code == 6)
        }
    }

    @Test(arguments: [
        ("UPDATE batchmgr_audit SET outcome = 'done' WHERE seq = 2", ["edited control 2"]),
        ("DELETE FROM batchmgr_audit WHERE seq = 2", ["deleted control 2"]),
        ("DELETE FROM batchmgr_audit WHERE seq = 4", ["truncated control 4"]),
        ("DELETE FROM batchmgr_audit", ["truncated control 1"]),
        ("UPDATE batchmgr_meta SET value = 'another'", ["replaced control 1"]),
    ])
    func whatWasDoneToControlIsFoundAndNamed(_ attack: String, _ wanted: [String]) throws {
        try scene { scene in
            try scene.sql(attack, in: Self.control)
            #expect(try findings(scene) == wanted, "\(attack)")
        }
    }

    @Test(arguments: [
        ("app.db", "UPDATE batchmgr_audit SET actor = 'eve' WHERE seq = 3", "rewritten ledger 3"),
        ("app.db", "UPDATE batchmgr_audit SET outcome = 'done' WHERE seq = 6", "rewritten ledger 6"),
        (
            "app.db", "DELETE FROM batchmgr_audit WHERE seq = 2; UPDATE batchmgr_audit SET seq = seq - 1 WHERE seq > 2",
            "rewritten ledger 2"
        ),
        (control, "UPDATE batchmgr_audit SET actor = 'eve' WHERE seq = 3", "rewritten control 1"),
    ])
    func aRecomputedChainDisagreesWithTheSignedHeads(_ database: String, _ attack: String, _ wanted: String) throws {
        try scene { scene in
            try AuditForger.rewrite(database, attack, scene)
            let first = try findings(scene)
            #expect(first.contains(wanted), "\(first)")
            // The rows that come after do not heal it.
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 5")
            let second = try findings(scene)
            #expect(second.contains(wanted), "\(second)")
        }
    }

    @Test func theForgerComputesTheHashesOfTheTool() throws {
        try scene { scene in
            let hash = try scene.sql("SELECT hash FROM batchmgr_audit ORDER BY seq DESC LIMIT 1")
            #expect(try AuditForger.rewrite("app.db", "", scene) == hash)
            #expect(try findings(scene, 0) == [])
        }
    }

    @Test func headsOfAnotherKeyCountForNothing() throws {
        try scene { scene in
            try scene.shell("cp backups/batch_manager/signing.pub old.pub; rm backups/batch_manager/signing.*")
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 5")
            #expect(Set(try findings(scene)) == ["unsigned ledger -"])
            let keys = ["--key", "old.pub", "--key", "backups/batch_manager/signing.pub"]
            try scene.expect(0, ["audit", "verify"] + keys)
        }
    }

    @Test func commitsWithoutTheirHeadsAreNamed() throws {
        try scene { scene in
            let strip = """
                cd backups/batch_manager/history.git
                tree=$(git rev-parse 'main^{tree}'); parent=$(git rev-parse main^)
                new=$(git -c user.name=e -c user.email=e commit-tree $tree -p $parent -m 'rollback')
                git update-ref refs/heads/main $new
                """
            #expect(try scene.shell(strip).code == 0)
            let found = try findings(scene)
            #expect(found.contains("unsigned ledger -"))
        }
    }

    @Test func aHeadFileThatIsMissingIsNamed() throws {
        try scene { scene in
            try scene.shell("rm -r backups/batch_manager/audit-heads")
            #expect(try findings(scene) == ["unsigned ledger 6"])
        }
    }

    // MARK: More than one process

    @Test func twoProcessesAtOnceMakeOneChain() throws {
        try scene { scene in
            let before = try scene.sql("SELECT count(*) FROM batchmgr_audit")
            let work = """
                for n in 1 2 3 4 5 6; do
                  "$TOOL" rollback --id none.$n >/dev/null 2>&1 &
                  "$TOOL" run --id nobody >/dev/null 2>&1 &
                done; wait
                """
            try scene.shell(work)
            #expect(try findings(scene, 0) == [])
            let count = "SELECT count(*) FROM batchmgr_audit"
            let rows = try (Int(scene.sql(count)) ?? 0) + (Int(scene.sql(count, in: Self.control)) ?? 0)
            #expect(rows == (Int(before) ?? 0) + 4 + 12 + 1)
        }
    }

    @Test(arguments: [
        "batch-begun", "before-settled", "batch-settled", "bak-written", "commit-written", "point-complete",
    ])
    func aProcessThatIsKilledLeavesAWholeChain(_ place: String) throws {
        try scene { scene in
            _ = try scene.tool("run", "--id", "b", "--sql", "UPDATE items SET qty = 7", killAt: place)
            #expect(try findings(scene, 0) == [], "\(place)")
            try scene.expect(0, "run", "--id", "b", "--anew", "--sql", "UPDATE items SET qty = 8")
            #expect(try findings(scene, 0) == [], "\(place)")
            try scene.expectWhole(place)
        }
    }

    // MARK: What rewrites the records

    @Test func erasePruneAndCompactKeepTheSignedHeads() throws {
        try scene { scene in
            try scene.sql(
                "CREATE TABLE people(id INTEGER PRIMARY KEY, email TEXT); INSERT INTO people VALUES(1, 'prune')")
            try scene.expect(0, "run", "--id", "c", "--sql", "UPDATE people SET id = 2")
            let heads = try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%B | grep Audit-")
            try scene.expect(0, "prune", "--keep-last", "1", "--yes")
            // The text stands in the audit's details too: "undone", a made-up word for a row.
            try scene.sql("UPDATE people SET email = 'batch_b.1'")
            try scene.expect(0, "run", "--id", "d", "--sql", "INSERT INTO people VALUES(9, 'x')")
            try scene.expect(0, "erase", "--table", "people", "--where", "email = 'batch_b.1'", "--yes")
            #expect(try scene.sql("SELECT details FROM batchmgr_audit WHERE action = 'prune'").contains("[erased]"))
            try scene.expect(0, "history", "compact")
            #expect(try findings(scene, 0) == [])
            let after = try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%B | grep Audit-")
            #expect(after.out.hasSuffix(heads.out))
            // What an erasure vouches for, it vouches for alone.
            try scene.sql("UPDATE batchmgr_audit SET details = '{\"files\":[]}' WHERE action = 'prune'")
            let found = try findings(scene)
            #expect(found.count == 1)
        }
    }

    @Test func anOlderLedgerBecomesTheBeginningOfTheChain() throws {
        try scene { scene in
            let columns = ["hash", "previous_hash", "details_hash"]
            try scene.sql(columns.map { "ALTER TABLE batchmgr_audit DROP COLUMN \($0)" }.joined(separator: ";"))
            try scene.shell("rm -rf backups/batch_manager/history.git backups/batch_manager/audit-heads")
            try scene.expect(0, "audit", "list")
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 5")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_audit WHERE hash IS NULL") == "0")
            #expect(try findings(scene, 0) == [])
            try scene.sql("UPDATE batchmgr_audit SET actor = 'eve' WHERE seq = 2")
            #expect(try findings(scene) == ["edited ledger 2"])
        }
    }
}
