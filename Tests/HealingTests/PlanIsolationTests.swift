import BatchCore
import TestSupport
import Testing

/// What an approved plan may not touch is looked at before it and after it, whoever writes to the database meanwhile.
@Suite struct PlanIsolationTests {
    private static let jobs = [
        "careful": """
        level: 3
        tenant: required
        steps:
          - {id: set, sql: UPDATE bills SET sum = 0 WHERE no = 1 AND owner = :tenant}
          - {id: tell, exec: [./tell], undo: [./untell]}
        """,
        "settle": """
        level: 3
        tenant: required
        steps:
          - {id: set, sql: "UPDATE bills SET state = 'settled' WHERE no = 1 AND owner = :tenant"}
        """,
    ]

    /// A plan of the job for tenant a, approved. Beside it somebody writes while it is applied.
    private func approved(_ job: String, beside sql: String = "SELECT 1", _ body: (BadLuckScene) throws -> Void) throws
    {
        try HealingScene.with(jobs: PlanIsolationTests.jobs) { scene in
            let settings = try TextFile.read(scene.file("batchmgr.yaml"))
            try scene.write("batchmgr.yaml", settings + "    protected: [bills.state, parts]\n")
            try scene.write(
                "tell", "#!/bin/sh\nexec sqlite3 -cmd '.timeout 60000' app.db \"\(sql)\"\n", isProgram: true)
            try scene.write("untell", "#!/bin/sh\nexit 0\n", isProgram: true)
            try scene.expect(7, "run", job, "--tenant", "a")
            try scene.expect(0, "plan", "approve", "--id", "plan.1", "--as", "grace")
            try body(scene)
        }
    }

    private func checked(_ isolation: JSONValue?) -> [String] {
        isolation?["checked"]?.array?.compactMap { $0["what"]?.string } ?? []
    }

    @Test(arguments: [
        ("UPDATE bills SET sum = 1 WHERE no = 3", ErrorCode.otherTenant, "rows of other tenants in bills"),
        ("UPDATE bills SET owner = 'b' WHERE no = 2", .otherTenant, "rows of other tenants in bills"),
        ("INSERT INTO bills VALUES(9, 'c', 1, 'new')", .otherTenant, "rows of other tenants in bills"),
        ("UPDATE bills SET state = 'x' WHERE no = 2", .protectedData, "protected bills.state"),
        ("UPDATE parts SET amount = 1 WHERE owner = 'a'", .otherChanges, "table parts"),
        ("INSERT INTO log(what) VALUES('x')", .otherChanges, "table log"),
        ("DELETE FROM items WHERE id = 1", .otherChanges, "table items"),
    ])
    func whatItMayNotTouchIsTheSameOrThePlanIsTakenBack(sql: String, error: ErrorCode, what: String) throws {
        try approved("careful", beside: sql) { scene in
            let result = try scene.expect(error, "plan", "apply", "--id", "plan.1")
            #expect(result.err.contains(what), "\(result.err)")
            #expect(try scene.sql("SELECT sum FROM bills WHERE no = 1") == "10", "it was not taken back")
            #expect(try scene.json("plan", "show", "--id", "plan.1")["status"]?.string == "failed")
            let entries = try scene.json("audit", "list", "--all")["entries"]?.array ?? []
            let applied = entries.last { $0["action"]?.string == "plan apply" }
            #expect(applied?["outcome"]?.string == "refused", "\(entries.suffix(4))")
            #expect(applied?["details"]?["isolation"]?["ok"] == false, "\(entries.suffix(4))")
        }
    }

    @Test func whatWasLookedAtIsSaidBeforeAndAfter() throws {
        try approved("careful") { scene in
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            #expect(plan["isolation"]?["tables"] == ["bills"] && plan["isolation"]?["protected"] == [])
            let report = try scene.json("plan", "apply", "--id", "plan.1")
            let isolation = report["isolation"]
            #expect(isolation?["ok"] == true, "\(report)")
            #expect(
                checked(isolation) == ["rows of other tenants in bills", "protected bills.state", "4 other tables"],
                "\(report)")
            for part in isolation?["checked"]?.array ?? [] {
                #expect(part["before"]?.string?.count == 32 && part["before"] == part["after"], "\(part)")
            }
            let entries = try scene.json("audit", "list", "--all")["entries"]?.array ?? []
            let applied = entries.last { $0["action"]?.string == "plan apply" }
            #expect(applied?["details"]?["isolation"] == isolation)
        }
    }

    /// Of a plan whose steps are all SQL, in the transaction that it is applied in.
    @Test func aPlanNamesTheProtectedDataThatItChanges() throws {
        try approved("settle") { scene in
            let plan = try scene.json("plan", "show", "--id", "plan.1")
            #expect(plan["isolation"]?["protected"] == ["bills.state"], "\(plan)")
            let result = try scene.expect(0, "plan", "apply", "--id", "plan.1")
            let line = "isolation      the same before and after: rows of other tenants in bills, 4 other tables\n"
            #expect(result.out.contains(line), "\(result.out)")
            try scene.expect(0, "rollback", "settle")
        }
    }

    /// Nothing of it becomes a plan.
    @Test func aTriggerThatReachesAnotherTenantMakesNoPlan() throws {
        try HealingScene.with(jobs: PlanIsolationTests.jobs) { scene in
            try scene.sql(
                "CREATE TRIGGER far AFTER UPDATE ON bills BEGIN UPDATE bills SET sum = 7 WHERE owner = 'b'; END")
            let before = try scene.dump()
            try scene.expect(.otherTenant, "run", "settle", "--tenant", "a")
            #expect(try scene.dump() == before)
            #expect(try scene.json("plan", "list")["plans"]?.array?.isEmpty == true)
        }
    }
}
