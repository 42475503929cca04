import BatchCore
import TestSupport
import Testing

/// The repair jobs that lower grants, let the service begin anew, and go back to a release.
@Suite struct WorkspaceRepairTests {
    private func shipped(_ job: String) throws -> String {
        try TextFile.read(TextFile.inPackage("catalog/\(job).yaml"))
    }

    // MARK: Grants

    private static let ranks = ["low", "middle", "high"]

    /// Roles of any kind, known and unknown: none is higher afterwards than it was.
    @Test(arguments: 1...3)
    func noRunEverRaisesAGrant(seed: UInt64) throws {
        try BadLuckScene.with(configuration: HealingScene.configuration) { scene in
            try scene.write("catalog/repair_revoke_access.yaml", shipped("repair_revoke_access"))
            try scene.write(
                "catalog/mapping.yaml",
                "roles: {table: grants, key: no, tenant: owner, user: who, role: role, approved: approved, ranks: [low, middle, high]}\n"
            )
            var random = SeededRandom(seed: seed)
            let names = WorkspaceRepairTests.ranks + ["root", ""]
            let rows = (1...60).map { no in
                let (role, approved) = (
                    names.randomElement(using: &random) ?? "", names.randomElement(using: &random) ?? ""
                )
                let nothing = Bool.random(using: &random) && approved.isEmpty
                return "(\(no), '\(no % 2 == 0 ? "a" : "b")', '\(role)', \(nothing ? "NULL" : "'\(approved)'"))"
            }
            try scene.sql(
                """
                CREATE TABLE grants(no INTEGER PRIMARY KEY, owner TEXT NOT NULL, role TEXT, approved TEXT, who TEXT);
                INSERT INTO grants(no, owner, role, approved) VALUES\(rows.joined(separator: ","));
                CREATE TABLE before AS SELECT no AS id, role AS was FROM grants;
                """)
            let dump = try scene.dump()
            // Never at once, whatever the level.
            try scene.expect(7, "heal", "run", "repair_revoke_access", "--apply")
            try scene.expect(7, "run", "repair_revoke_access", "--tenant", "a", "--anew")
            #expect(try scene.dump() == dump)
            for (tenant, plan) in [("a", "plan.4"), ("b", "plan.5")] {
                try scene.expect(7, "heal", "run", "repair_revoke_access", "--apply", "--tenant", tenant)
                let approved = try scene.shell("BATCHMGR_ACTOR=grace exec \"$TOOL\" plan approve \(plan)")
                try #require(approved.code == 0, "\(approved.err)")
                try scene.expect(0, "plan", "apply", plan)
            }
            let rank = "CASE %@ WHEN 'low' THEN 0 WHEN 'middle' THEN 1 WHEN 'high' THEN 2 ELSE 9 END"
            let (now, was, most) = (
                rank.replacing("%@", with: "g.role"), rank.replacing("%@", with: "b.was"),
                rank.replacing("%@", with: "g.approved")
            )
            let raised = "SELECT count(*) FROM grants g JOIN before b ON b.id = g.no WHERE \(now) > \(was)"
            #expect(try scene.sql(raised) == "0")
            #expect(try scene.sql("SELECT count(*) FROM grants g WHERE \(now) > \(most) OR \(most) = 9") == "0")
            #expect(try scene.sql("SELECT count(*) FROM grants") != "0")
        }
    }

    // MARK: The service

    @Test func aServiceThatIsGoneIsForgottenAndNoJobIsLost() throws {
        try BadLuckScene.with { scene in
            try scene.write("catalog/repair_restart_scheduler.yaml", shipped("repair_restart_scheduler"))
            try scene.expect(0, "run", "multi")
            try scene.expect(0, "queue", "add", "follow")
            #expect(try scene.json("heal", "scan")["counts"]?["repair_restart_scheduler"]?.integer == 0)
            // A service that was killed: it never said that it ended.
            try scene.shell(
                """
                exec "$TOOL" serve --port 0 --workers 0 >/dev/null 2>&1 & child=$!
                for i in $(seq 200); do
                  [ -n "$(sqlite3 backups/batch_manager/control.db 'SELECT process FROM service' 2>/dev/null)" ] && break
                  sleep 0.1
                done
                kill -9 $child; wait $child 2>/dev/null; true
                """)
            let open =
                "SELECT count(*) FROM queue_jobs WHERE state NOT IN ('done', 'failed', 'dead', 'cancelled', 'resolved')"
            let before = try scene.sql(open, in: "backups/batch_manager/control.db")
            #expect(try scene.json("heal", "scan")["counts"]?["repair_restart_scheduler"]?.integer == 1)
            let answer = try scene.json("heal", "run", "repair_restart_scheduler", "--apply")
            #expect(answer["findings_after"]?.integer == 0, "\(answer)")
            #expect(try scene.sql(open, in: "backups/batch_manager/control.db") == before)
        }
    }

    // MARK: Releases

    private static let failing = "steps: [{id: a, check: SELECT 1}]\n"

    private func releases(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(jobs: ["work": "steps: [{id: a, sql: SELECT 1}]\n"]) { scene in
            try scene.write("catalog/repair_rollback_release.yaml", shipped("repair_rollback_release"))
            for _ in 1...3 { try scene.expect(0, "run", "work") }
            try scene.expect(0, "release", "record", "good")
            try scene.expect(0, "release", "validate", "good")
            try scene.write("catalog/work.yaml", "id: work\nversion: 2.0.0\n\(WorkspaceRepairTests.failing)")
            try scene.expect(0, "release", "record", "bad")
            try body(scene)
        }
    }

    private func count(_ scene: BadLuckScene) throws -> Int64? {
        try scene.json("heal", "scan")["counts"]?["repair_rollback_release"]?.integer
    }

    @Test func aReleaseThatBurnsIsTakenBackAndThatIsUndone() throws {
        try releases { scene in
            #expect(try count(scene) == 0)
            for _ in 1...3 { try scene.expect(1, "run", "work", "--anew") }
            #expect(try count(scene) == 1)
            let bad = try TextFile.read(scene.file("catalog/work.yaml"))
            let answer = try scene.json("heal", "run", "repair_rollback_release", "--apply")
            #expect(answer["findings_after"]?.integer == 0, "\(answer)")
            #expect(try TextFile.read(scene.file("catalog/work.yaml")).contains("version: 1.0.0"))
            try scene.expect(0, "run", "work", "--anew")
            try scene.expect(0, "rollback", "repair_rollback_release.1")
            #expect(try TextFile.read(scene.file("catalog/work.yaml")) == bad)
        }
    }

    @Test func itIsNotWhenTheSchemaIsAnother() throws {
        try releases { scene in
            try scene.expect(0, "run", "--id", "table", "--sql", "CREATE TABLE more(a)")
            for _ in 1...3 { try scene.expect(1, "run", "work", "--anew") }
            #expect(try count(scene) == 0)
        }
    }
}
