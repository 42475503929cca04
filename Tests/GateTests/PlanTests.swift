import BatchCore
import TestSupport
import Testing

/// A plan is applied once, as it was approved by somebody else, on the state it was made for, or not at all.
@Suite struct PlanTests {
    @Test func aPlanTellsEverythingBeforehand() throws {
        try GovernedScene.with { scene in
            try scene.tool(0, "run", "--id", "plain")
            try scene.proposed()
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            #expect(plan["author"]?.string == "ada")
            #expect(plan["stale"] == .null)
            #expect(plan["diff"]?["changes"]?.array?.count == 8)
            #expect(plan["diff"]?["complete"]?.bool == true)
            #expect(plan["blast_radius"]?["rows"]?["inserted"]?.integer == 5)
            let tables = plan["blast_radius"]?["tables"]?.array?.compactMap { $0["table"]?.string }
            #expect(tables == ["items", "log"])
            let batches = plan["blast_radius"]?["batches"]?.array ?? []
            #expect(batches.compactMap { $0["batch"]?.string } == ["plain.1"])
            #expect(batches.first?["evidence"]?.string == "row items 3 keys")
            #expect(plan["checks"]?["before"]?.array?.isEmpty == true)
            #expect(plan["checks"]?["after"]?.array?.count == 2)
            #expect(plan["rollback"]?["rehearsed"]?.bool == true)
            #expect(plan["head"]?["batch"]?.integer == 1)
            #expect(plan["definition"]?.string?.contains("level: 3") == true)
            #expect(plan["sha256"]?.string?.count == 64)
        }
    }

    /// What the plan says is what the batch did, time and chance included; and there is a way back.
    @Test func anAppliedPlanIsABatchThatCanBeUndone() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            let report = try scene.json("plan", "apply", "--id", "plan.1")
            #expect(report["plan"]?.string == "plan.1")
            #expect(report["batch"]?.string == "three.1")
            #expect(try scene.json("diff", "--id", "three.1")["changes"] == plan["diff"]?["changes"])
            #expect(
                try scene.audit() == [
                    "plan propose proposed", "run planned", "plan approve approved", "plan apply committed",
                    "checklist passed",
                ])
            let linked = try scene.base.sql(
                "SELECT batch, details ->> '$.plan', details ->> '$.approver' FROM batchmgr_audit WHERE action = 'plan apply'"
            )
            #expect(linked == "three.1|plan.1|grace")
            #expect(try scene.json("plan", "show", "--id", "plan.1")["batch"]?.string == "three.1")
            let after = try scene.base.dump()
            try scene.tool(0, "rollback", "--id", "three.1")
            #expect(try scene.base.dump() == before)
            try scene.tool(0, "rollback", "--id", "rollback.1")
            #expect(try scene.base.dump() == after)
        }
    }

    /// The copy of its point holds what changed since another one's, which is not asked about.
    @Test func aPlanIsAppliedWhereItsCopyIsADelta() throws {
        try GovernedScene.with { scene in
            try scene.base.sql(
                """
                CREATE TABLE big(id INTEGER PRIMARY KEY, v TEXT);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                INSERT INTO big SELECT i, hex(randomblob(20)) FROM n
                """)
            try scene.tool(0, "run", "--id", "plain")
            try scene.approved("run", "--id", "plain", "--propose")
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
            let kinds = try scene.json("points")["points"]?.array?.compactMap { $0["bak_kind"]?.string } ?? []
            #expect(kinds.contains("delta"), "\(kinds)")
            try scene.tool(0, "verify")
        }
    }

    @Test func theSQLOfAPlanLeadsThereAndBack() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            let forward = try scene.tool(0, "plan", "show", "--id", "1", "--sql", "forward").out
            let back = try scene.tool(0, "plan", "show", "--id", "1", "--sql", "back").out
            try scene.base.shell("cp app.db other.db")
            try scene.base.sql(forward, in: "other.db")
            try scene.tool(0, "plan", "apply", "--id", "1")
            #expect(try scene.base.dump("other.db") == scene.base.dump())
            try scene.base.sql(back, in: "other.db")
            #expect(try scene.base.dump("other.db") == before)
        }
    }

    @Test func aPlanIsShownAsADiffAndCutWhereItIsLong() throws {
        try GovernedScene.with { scene in
            try scene.base.sql(
                "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1029) INSERT INTO items(id, price) SELECT i, 1 FROM n"
            )
            try scene.tool(
                7, "run", "--id", "raise", "--sql", "UPDATE items SET price = 7 WHERE id >= 1000", "--propose")
            let short = try scene.tool(0, "plan", "show", "1").out
            #expect(short.contains("\n~ items 1000: price 1 → 7\n") && !short.contains("items 1020:"), "\(short)")
            #expect(short.contains("… and 10 more rows: ") && short.contains("plan show --id plan.1 --all"))
            let table = short.split(separator: "\n").first { $0.hasPrefix("items ") }
            #expect(table?.split(separator: " ") == ["items", "0", "30", "0"])
            let all = try scene.tool(0, "plan", "show", "1", "--all").out
            #expect(all.contains("\n~ items 1029: price 1 → 7\n") && !all.contains(" more"))
        }
    }

    // MARK: Who

    @Test(arguments: ["ada", "Ada", " ADA ", "a\u{200B}da", "ada\u{A0}", "ada."])
    func theAuthorCannotApprove(_ name: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.proposed()
            try scene.refused(.selfApproval, as: "eve", "plan", "approve", "--id", "plan.1", "--as", name)
            try scene.refused(.approvalRequired, "plan", "apply", "--id", "plan.1")
            try scene.expectNothingRan(since: before)
            #expect(try scene.audit().suffix(2) == ["plan approve refused", "plan apply refused"])
        }
    }

    @Test func aPlanIsApprovedOnce() throws {
        try GovernedScene.with { scene in
            try scene.approved()
            let error = try scene.refused(.wrongState, as: "kim", "plan", "approve", "--id", "plan.1")
            #expect(error.contains("plan.1 is approved already by grace at "), "\(error)")
        }
    }

    @Test func ofTwoApprovalsAtOnceOneCounts() throws {
        try GovernedScene.with { scene in
            try scene.proposed()
            let line = """
                for name in grace kim lee joe; do
                  ( BATCHMGR_ACTOR=$name "$TOOL" plan approve --id plan.1 --quiet >/dev/null 2>err.$name
                    echo $? > code.$name ) &
                done; wait; cat code.* | sort | tr '\\n' ' '; cat err.*
                """
            let result = try scene.base.shell(line).out
            #expect(result.hasPrefix("0 2 2 2 "), "\(result)")
            #expect(result.contains("plan.1 is approved already by"), "\(result)")
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
        }
    }

    /// There is no approval without a row in the audit.
    @Test(arguments: [("plan-audited", "proposed"), ("plan-decided", "approved")])
    func aKilledApprovalIsThereOrNot(_ place: String, _ status: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.proposed()
            try scene.tool(137, as: "grace", killAt: place, "plan", "approve", "--id", "plan.1")
            #expect(try scene.status() == status)
            #expect(try scene.audit().last == "plan approve approved")
            #expect(try scene.base.dump() == before)
            try scene.tool(status == "approved" ? 2 : 0, as: "grace", "plan", "approve", "--id", "plan.1")
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
        }
    }

    @Test(arguments: ["plan-audited", "plan-kept"])
    func aKilledProposalIsThereOrNot(_ place: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.tool(137, killAt: place, "run", "--id", "three")
            let count = try scene.json("plan", "list")["plans"]?.array?.count
            #expect(count == (place == "plan-kept" ? 1 : 0))
            try scene.expectNothingRan(since: before)
            try scene.proposed()
            let plan = try #require(try scene.json("plan", "list")["plans"]?.array?.first?["plan"]?.string)
            try scene.tool(0, as: "grace", "plan", "approve", "--id", plan)
            try scene.tool(0, "plan", "apply", "--id", plan)
        }
    }

    @Test func ofTwoAppliesAtOnceOneCounts() throws {
        try GovernedScene.with { scene in
            try scene.approved()
            let line = """
                for n in 1 2 3; do
                  ( "$TOOL" plan apply --id plan.1 >/dev/null 2>&1; echo $? > code.$n ) &
                done; wait; cat code.* | sort | tr '\\n' ' '
                """
            let codes = try scene.base.shell(line).out.split(separator: " ")
            // Too late, or while another one is at it.
            #expect(codes.count { $0 == "0" } == 1 && codes.allSatisfy { ["0", "2", "75"].contains($0) }, "\(codes)")
            #expect(try scene.base.sql("SELECT sum(price), (SELECT count(*) FROM log) FROM items") == "153|5")
            #expect(try scene.status() == "applied")
        }
    }

    /// A stop takes all of it back: a part was not approved.
    @Test func aStoppedPlanLeavesNothing() throws {
        let job = """
            level: 3
            steps:
              - id: rows
                for_each: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n
                chunk: 50
                sql: INSERT INTO log(what) VALUES(:i)
            """
        try GovernedScene.with(jobs: ["slow": job]) { scene in
            let before = try scene.base.dump()
            try scene.approved("run", "--id", "slow")
            let line = """
                "$TOOL" plan apply --id plan.1 & tool=$!
                until [ "$(sqlite3 backups/batch_manager/control.db 'SELECT status FROM plans')" = applying ]; do
                  kill -0 $tool || break; sleep 0.05
                done; kill -INT $tool; wait $tool
                """
            let result = try scene.base.shell(line)
            #expect(result.code == 130, "\(result.out)\(result.err)")
            #expect(result.err.contains("nothing of plan.1 was applied"), "\(result.err)")
            #expect(try scene.base.dump() == before)
            #expect(try scene.status() == "failed")
            try scene.refused(.approvalRequired, "resume", "--id", "slow.1")
            try scene.base.expectWhole("stopped")
        }
    }

    @Test func aRejectedPlanStaysRejected() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            try scene.tool(0, as: "kim", "plan", "reject", "--id", "plan.1", "--reason", "wrong quarter")
            let error = try scene.refused(.wrongState, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("plan.1 was rejected by kim at ") && error.contains("wrong quarter"), "\(error)")
            try scene.refused(.wrongState, as: "grace", "plan", "approve", "--id", "plan.1")
            try scene.expectNothingRan(since: before)
        }
    }

    // MARK: When

    /// The change is kept as a batch of its own, which names it.
    @Test(arguments: [
        "UPDATE items SET qty = 9 WHERE id = 5", "CREATE TABLE other(x)", "CREATE INDEX by_price ON items(price)",
    ])
    func driftMakesAPlanStale(_ sql: String) throws {
        try GovernedScene.with { scene in
            try scene.approved()
            try scene.base.sql(sql)
            let before = try scene.base.dump()
            let error = try scene.refused(.stalePlan, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("WARN_DATA_DRIFT"), "\(error)")
            #expect(error.contains("plan.1 is out of date: drift.1 ran since"), "\(error)")
            #expect(try scene.base.dump() == before)
            #expect(try scene.base.sql("SELECT group_concat(batch) FROM batchmgr_batches") == "drift.1")
            #expect(try scene.audit().last == "plan apply refused")
        }
    }

    @Test func anotherBatchMakesAPlanStale() throws {
        try GovernedScene.with { scene in
            try scene.approved()
            try scene.proposed("run", "--id", "plain", "--propose")
            try scene.tool(0, "run", "--id", "plain")
            let before = try scene.base.dump()
            let error = try scene.refused(.stalePlan, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("plan.1 is out of date: plain.1 ran since"), "\(error)")
            try scene.refused(.stalePlan, as: "grace", "plan", "approve", "--id", "plan.2")
            try scene.tool(0, "rollback", "--id", "plain")
            try scene.refused(.stalePlan, "plan", "apply", "--id", "plan.1")
            let stale = try scene.json("plan", "show", "--id", "1")["stale"]?.string
            #expect(stale == "plain.1, rollback.1 ran since then")
            #expect(try scene.base.dump() != before)
        }
    }

    @Test func aPlanExpires() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.proposed("run", "--id", "three", "--expires", "1ms")
            try scene.refused(.expiredPlan, as: "grace", "plan", "approve", "--id", "plan.1")
            #expect(try scene.json("plan", "show", "--id", "plan.1")["expired"]?.bool == true)
            // Approved in time, applied too late: the clock of SQLite's shell is not ours, so the plan is a short one.
            try scene.proposed("run", "--id", "three", "--expires", "2s")
            try scene.tool(0, as: "grace", "plan", "approve", "--id", "plan.2")
            try scene.base.shell("sleep 2")
            try scene.refused(.expiredPlan, "plan", "apply", "--id", "plan.2")
            try scene.expectNothingRan(since: before)
        }
    }

    @Test(arguments: ["0d", "-1h", "soon", "4000d", "1w"])
    func aLifeThatIsNoneIsRefused(_ span: String) throws {
        try GovernedScene.with { scene in
            try scene.refused(.usage, "run", "--id", "three", "--expires", span)
        }
    }

    // MARK: What

    /// Arguments of sed.
    @Test(arguments: [
        "s/price + 1/price + 2/", "s/\"ada\"/\"eve\"/", "s/\"level\": 3/\"level\": 0/", "s/\"expires_at\": \"20/&9/",
        "s/\"batch\": 0/\"batch\": 1/", "1s/{/[/", "$d", "1,$d", "$a\\ ",
    ])
    func aPlanWhoseFileWasEditedIsRefused(_ edit: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            try scene.proposed()
            for plan in ["1", "2"] {
                try scene.base.shell("sed -i \"$1\" backups/batch_manager/reports/plan_\(plan).json", [edit])
            }
            let error = try scene.refused(.alteredPlan, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("plan_1.json was changed after it was written"), "\(error)")
            try scene.refused(.alteredPlan, as: "grace", "plan", "approve", "--id", "plan.2")
            try scene.refused(.alteredPlan, "plan", "show", "--id", "plan.2")
            try scene.expectNothingRan(since: before)
        }
    }

    @Test func aPlanWhoseFileIsGoneIsRefused() throws {
        try GovernedScene.with { scene in
            try scene.approved()
            try scene.base.shell("rm backups/batch_manager/reports/plan_1.json")
            let error = try scene.refused(.alteredPlan, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("plan_1.json is gone"), "\(error)")
        }
    }

    /// Whoever can write `control.db` cannot approve.
    @Test(arguments: [
        "UPDATE plans SET status = 'approved', decided_by = 'grace', decided_at = '2026-01-01T00:00:00.000Z'",
        "UPDATE plans SET author = 'eve'", "UPDATE plans SET expires_at = '2099-01-01T00:00:00.000Z'",
        "UPDATE plans SET sha256 = iif(sha256 LIKE '0%', '1', '0') || substr(sha256, 2)",
        "UPDATE plans SET tenant = 'b'",
        "UPDATE plans SET file = '../../app.db'", "UPDATE plans SET seal = ''", "UPDATE plans SET seal = 'zz'",
        "UPDATE plans SET status = 'approved', decided_by = 'grace', decided_at = 'now', approval = seal",
    ])
    func aRowThatWasEditedIsFound(_ sql: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.proposed()
            try scene.edit(sql)
            try scene.refused(.alteredPlan, "plan", "apply", "--id", "plan.1")
            try scene.refused(.alteredPlan, as: "kim", "plan", "approve", "--id", "plan.1")
            try scene.expectNothingRan(since: before)
        }
    }

    /// Of an approval.
    @Test(arguments: [
        "UPDATE plans SET decided_by = 'kim' WHERE number = 1",
        "UPDATE plans SET decided_at = '2026-01-01T00:00:00.000Z' WHERE number = 1",
        "UPDATE plans SET approval = NULL WHERE number = 1",
        "UPDATE plans SET approval = (SELECT approval FROM plans WHERE number = 2) WHERE number = 1",
    ])
    func anApprovalThatWasEditedIsFound(_ sql: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            try scene.proposed()
            try scene.tool(0, as: "grace", "plan", "approve", "--id", "plan.2")
            try scene.edit(sql)
            let error = try scene.refused(.alteredPlan, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("its approval in control.db was not signed"), "\(error)")
            try scene.expectNothingRan(since: before)
        }
    }

    @Test func aKeyOfAnotherWorkspaceApprovesNothing() throws {
        try GovernedScene.with { scene in
            try scene.approved()
            try scene.base.shell("rm backups/batch_manager/signing.*")
            try scene.refused(.alteredPlan, "plan", "apply", "--id", "plan.1")
        }
    }

    @Test(arguments: ["plan.7", "7"])
    func anUnknownPlanIsNamed(_ name: String) throws {
        try GovernedScene.with { scene in
            for verb in [["show"], ["approve"], ["reject", "--reason", "x"], ["apply"]] {
                let result = try scene.tool(2, ["plan", verb[0], "--id", name] + verb.dropFirst())
                #expect(result.err.contains("ERR_UX_UNKNOWN_PLAN: there is no plan plan.7"), "\(result.err)")
            }
        }
    }

    @Test(arguments: ["", "plan", "plan.0", "plan.-1", "three.1", "1;DROP", "99999999999999999999"])
    func whatIsNoPlanIsRefused(_ name: String) throws {
        try GovernedScene.with { try $0.refused(.usage, "plan", "apply", "--id", name) }
    }

    /// The number of changes of the connection is another on a copy: nothing can pin it.
    @Test func aBatchThatChangesSomethingElseIsTakenBack() throws {
        let job = "level: 3\nsteps:\n  - id: s\n    sql: INSERT INTO log(what) VALUES(total_changes())"
        try GovernedScene.with(jobs: ["shifty": job]) { scene in
            let before = try scene.base.dump()
            try scene.approved("run", "--id", "shifty")
            try scene.refused(.otherChanges, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.dump() == before)
            #expect(try scene.status() == "failed")
            #expect(try scene.base.status("shifty.1") == "failed")
            try scene.base.expectWhole("taken back")
        }
    }

    /// Programs cannot wait for one commit: their batch is undone instead.
    @Test func aPlanWithProgramsIsTakenBackToo() throws {
        let job = """
            level: 3
            steps:
              - id: s
                sql: INSERT INTO log(what) VALUES(total_changes())
              - id: tell
                exec: [sh, -c, "echo told >> told.txt"]
                undo: [rm, told.txt]
            """
        try GovernedScene.with(jobs: ["shifty": job]) { scene in
            let before = try scene.base.dump()
            try scene.approved("run", "--id", "shifty")
            #expect(!scene.base.has("told.txt"))
            let error = try scene.refused(.otherChanges, "plan", "apply", "--id", "plan.1")
            #expect(error.contains("rolled back"), "\(error)")
            #expect(try scene.base.dump() == before)
            #expect(!scene.base.has("told.txt"))
        }
    }

    @Test func aPlanMayChangeTheSchema() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            let sql = "ALTER TABLE items ADD COLUMN note TEXT DEFAULT 'x'; CREATE INDEX by_note ON items(note)"
            try scene.approved("run", "--id", "shape", "--sql", sql, "--propose")
            let schema = try scene.json("plan", "show", "--id", "1")["diff"]?["schema"]?.array ?? []
            #expect(schema.compactMap { $0["object"]?.string } == ["table items", "index by_note"])
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.sql("SELECT DISTINCT note FROM items") == "x")
            try scene.tool(0, "rollback", "--id", "shape")
            #expect(try scene.base.dump() == before)
        }
    }

    @Test func aLargePlanListsItsFirstRowsAndCountsAll() throws {
        try GovernedScene.with { scene in
            try scene.base.sql(
                "WITH RECURSIVE n(i) AS (SELECT 6 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                    + "INSERT INTO items SELECT i, i, i FROM n")
            try scene.approved("run", "--id", "all", "--sql", "UPDATE items SET qty = qty + 1", "--propose")
            let plan = try scene.json("plan", "show", "--id", "1")
            #expect(plan["diff"]?["changes"]?.array?.count == 1_000)
            #expect(plan["diff"]?["complete"]?.bool == false)
            #expect(plan["diff"]?["counts"]?["updated"]?.integer == 3_000)
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
        }
    }

    @Test func aFullDiskLeavesNoPlanAndNoApproval() throws {
        try GovernedScene.with { scene in
            try scene.proposed()
            let before = try scene.base.dump()
            let full = try scene.base.shell(
                "trap '' XFSZ; ulimit -f 8; BATCHMGR_ACTOR=ada exec \"$TOOL\" run --id three")
            #expect(full.code == 1, "\(full.out)\(full.err)")
            #expect(try scene.json("plan", "list")["plans"]?.array?.count == 1)
            try scene.expectNothingRan(since: before)
            try scene.tool(0, as: "grace", "plan", "approve", "--id", "plan.1")
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
        }
    }
}
