import BatchCore
import TestSupport
import Testing

/// What a batch may not write without approval becomes a plan; whose rows it writes stays checked.
@Suite struct PlanPolicyTests {
    @Test(arguments: [
        "UPDATE ledger SET amount = 0 WHERE id = 1", "DELETE FROM things WHERE id < 3", "DROP TABLE ledger",
        "UPDATE payments SET amount_cents = 1", "DELETE FROM plain",
    ])
    func protectedDataChangesByAnApprovedPlan(_ sql: String) throws {
        let rules = "    protected: [ledger, payments.amount_cents]\n    limits: {deleted_share: 0.5}\n"
        try ProtectedDataTests.with(rules) { base in
            let scene = GovernedScene(base: base)
            let before = try base.dump()
            let order = ["run", "--id", "fix", "--sql", sql]
            let refusal = try scene.tool(3, order)
            #expect(refusal.err.contains("batchmgr run --id fix --propose"), "\(refusal.err)")
            try scene.tool(7, order + ["--propose"])
            #expect(try base.dump() == before)
            try scene.refused(.approvalRequired, "plan", "apply", "--id", "plan.1")
            try scene.tool(0, as: "grace", "plan", "approve", "--id", "plan.1")
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
            #expect(try base.dump() != before)
            try scene.tool(0, "rollback", "--id", "fix.2")
            #expect(try base.dump() == before)
        }
    }

    @Test(arguments: [
        "UPDATE accounts SET balance = 0", "UPDATE accounts SET tenant_id = 'b' WHERE tenant_id = :tenant",
        "INSERT INTO moves(tenant_id, account, note) VALUES('a', 1, 'spread')", "UPDATE rates SET factor = 2",
    ])
    func aPlanReachesNoOtherTenant(_ sql: String) throws {
        try TenantScene.with { base in
            try base.begin()
            let scene = GovernedScene(base: base)
            let before = try base.dump()
            try scene.refused(.otherTenant, "--tenant", "a", "run", "--id", "attack", "--sql", sql, "--propose")
            #expect(try base.dump() == before)
            #expect(try scene.json("plan", "list")["plans"]?.array?.isEmpty == true)
        }
    }

    @Test func aPlanOfATenantIsNotSeenByAnother() throws {
        try TenantScene.with { base in
            let scene = GovernedScene(base: base)
            let before = try base.dump()
            let sql = "UPDATE accounts SET balance = 0 WHERE tenant_id = :tenant"
            try scene.approved("--tenant", "a", "run", "--id", "zero", "--sql", sql, "--propose")
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            #expect(plan["tenant"]?.string == "a")
            #expect(plan["blast_radius"]?["tenants"]?.array?.compactMap(\.string) == ["a"])
            for verb in [["show"], ["approve"], ["reject", "--reason", "x"], ["apply"]] {
                let result = try scene.tool(2, ["--tenant", "b", "plan", verb[0], "--id", "plan.1"] + verb.dropFirst())
                #expect(result.err.contains("there is no plan plan.1 of tenant b"), "\(result.err)")
            }
            #expect(try scene.json("--tenant", "b", "plan", "list")["plans"]?.array?.isEmpty == true)
            #expect(try scene.json("--tenant", "a", "plan", "list")["plans"]?.array?.count == 1)
            #expect(try base.dump() == before)
            try scene.tool(0, "--tenant", "a", "plan", "apply", "--id", "plan.1")
            #expect(try base.sql("SELECT group_concat(balance) FROM accounts") == "0,0,30,40,50")
            try scene.tool(0, "--tenant", "a", "rollback", "--id", "zero")
            #expect(try base.dump() == before)
        }
    }

    @Test func aTenantWithAFileOfItsOwnHasPlansOfItsOwn() throws {
        try GovernedScene.with { scene in
            try scene.base.shell("mkdir data; cp app.db data/a.db; cp app.db data/b.db")
            try scene.base.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: data/{tenant}.db\n    tenancy: file\n")
            try scene.tool(7, "--tenant", "a", "run", "--id", "three")
            try scene.tool(7, "--tenant", "b", "run", "--id", "three")
            try scene.tool(0, as: "grace", "--tenant", "b", "plan", "approve", "--id", "plan.2")
            try scene.refused(.unknownPlan, "--tenant", "a", "plan", "apply", "--id", "plan.2")
            try scene.refused(.approvalRequired, "--tenant", "a", "plan", "apply", "--id", "plan.1")
            try scene.tool(0, "--tenant", "b", "plan", "apply", "--id", "plan.2")
            #expect(try scene.base.sql("SELECT sum(price) FROM items", in: "data/a.db") == "150")
            #expect(try scene.base.sql("SELECT sum(price) FROM items", in: "data/b.db") == "153")
        }
    }

    @Test func aPlanOfOneDatabaseIsNotAppliedToAnother() throws {
        try GovernedScene.with { scene in
            try scene.base.shell("cp app.db other.db")
            let sql = "UPDATE items SET price = 0"
            try scene.approved("--db", "app.db", "run", "--id", "zero", "--sql", sql, "--propose")
            try scene.tool(0, "--db", "other.db", "run", "--id", "first", "--sql", "UPDATE items SET qty = 0")
            let before = try scene.base.dump("other.db")
            try scene.refused(.unknownPlan, "--db", "other.db", "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.dump("other.db") == before)
            let done = try scene.tool(0, "--db", "app.db", "plan", "apply", "--id", "plan.1")
            #expect(done.out.contains("batchmgr --db app.db rollback --id zero.1"), "\(done.out)")
        }
    }

    @Test func aLevelTwoBatchIsHeldAgainstItsPolicyOnTheCopyAlready() throws {
        let job = "level: 2\nsteps:\n  - id: s\n    sql: UPDATE ledger SET amount = 0"
        try ProtectedDataTests.with(jobs: ["two": job]) { base in
            let scene = GovernedScene(base: base)
            let before = try base.dump()
            try scene.refused(.protectedData, "run", "--id", "two")
            try scene.expectNothingRan(since: before)
            #expect(try base.sql("SELECT count(*) FROM batchmgr_batches") == "0")
            #expect(try scene.audit().contains("rehearse refused"))
        }
    }
}
