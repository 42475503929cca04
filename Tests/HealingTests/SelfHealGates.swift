import BatchCore
import TestSupport
import Testing

/// What no repair may do, tried in a dry run, for good and in a rollback: it is refused, nothing has changed, and the audit says so.
@Suite struct SelfHealGates {
    enum Violation: String, CaseIterable, Sendable {
        case noTenant, otherTenant, outsideTheGateway, unnamedSharedTable, protectedColumn

        var error: ErrorCode {
            switch self {
            case .noTenant: .invalidCatalog
            case .otherTenant, .unnamedSharedTable: .otherTenant
            case .outsideTheGateway: .forbiddenStatement
            case .protectedColumn: .protectedData
            }
        }

        /// A repair that is as it should be, but for this.
        var job: String {
            let finds = "SELECT \(self == .noTenant ? "NULL" : "owner") AS tenant, no AS key FROM bills WHERE no = 2"
            let sql =
                switch self {
                case .noTenant: "UPDATE bills SET state = 'x' WHERE no = 2"
                case .otherTenant: "UPDATE bills SET state = 'x' WHERE no IN (2, 3)"
                case .outsideTheGateway: "UPDATE batchmgr_batches SET status = 'committed'"
                case .unnamedSharedTable: "UPDATE rates SET rate = 2"
                case .protectedColumn: "UPDATE bills SET sum = 20 WHERE no = 2"
                }
            return "level: 1\ntenant: required\nfinds: \(finds)\nsteps:\n  - {id: a, sql: \"\(sql)\"}\n"
        }
    }

    private func scene(_ jobs: [String: String], _ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with(
            jobs: jobs, configuration: HealingScene.configuration + "    protected: [bills.sum]\n"
        ) { scene in
            try scene.sql(HealingScene.schema + "CREATE TABLE rates(rate); INSERT INTO rates VALUES(1);")
            try scene.expect(
                0, "run", "--id", "first", "--sql", "UPDATE bills SET state='y' WHERE no=1", "--tenant", "a")
            try body(scene)
        }
    }

    @Test(arguments: Violation.allCases, ["--dry-run", "--apply"])
    func itIsRefusedAndNothingHasChanged(violation: Violation, mode: String) throws {
        try scene(["repair_bad": violation.job]) { scene in
            let before = try scene.dump()
            let batches = try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE status = 'committed'")
            let answer = try scene.tool("heal", "run", "repair_bad", mode, "--json")
            #expect(answer.code == violation.error.exitCode.rawValue, "\(answer.out)")
            #expect(answer.out.contains(violation.error.rawValue), "\(answer.out)")
            #expect(try scene.dump() == before)
            #expect(
                try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE status = 'committed'") == batches)
            // A row of the audit with a trace.
            let rows = try scene.json("audit", "list")["entries"]?.array ?? []
            let refused = rows.filter { $0["action"]?.string?.hasPrefix("heal") == true }
            #expect(refused.contains { $0["outcome"]?.string != "done" }, "\(rows)")
            #expect(rows.allSatisfy { $0["trace_id"]?.string?.isEmpty == false })
        }
    }

    private static let good =
        "level: 1\ntenant: required\nfinds: SELECT owner AS tenant, no AS key FROM bills WHERE no IN (2, 3) AND state <> 'x'\n"
        + "steps:\n  - {id: a, sql: \"UPDATE bills SET state = 'x' WHERE no IN (2, 3) AND owner = :tenant\"}\n"

    @Test func aRollbackLeadsBackToTheDigestAndCrossesNoTenant() throws {
        try scene(["repair_good": SelfHealGates.good]) { scene in
            let before = try scene.dump()
            try scene.expect(0, "heal", "run", "repair_good", "--apply")
            #expect(try scene.dump() != before)
            // Each of the two batches is of one tenant, and the other may not undo it.
            let owners = try scene.sql(
                "SELECT tenant FROM batchmgr_batches WHERE job = 'repair_good' ORDER BY seq"
            ).split(separator: "\n")
            #expect(owners == ["a", "b"])
            let refused = try scene.tool("rollback", "--id", "repair_good.1", "--tenant", "b")
            #expect(refused.code != 0)
            for batch in ["repair_good.2", "repair_good.1"] { try scene.expect(0, "rollback", "--id", batch) }
            #expect(try scene.dump() == before)
        }
    }

    @Test func inSafeModeEverythingIsAPlan() throws {
        try scene(["repair_good": "module: billing\n" + SelfHealGates.good]) { scene in
            try scene.write("catalog/modules.yaml", "billing: {tables: [bills]}\n")
            let before = try scene.dump()
            for name in ["safe_mode", "safe_mode:tenant:a", "safe_mode:module:billing", "safe_mode:job:repair_good"] {
                try scene.expect(0, "switch", "set", name, "--value", "on", "--reason", "month end")
                try scene.expect(7, "heal", "run", "repair_good", "--apply", "--tenant", "a", note: name)
                try scene.expect(0, "switch", "undo", name, "--reason", "over")
            }
            #expect(try scene.dump() == before)
        }
    }

    /// It finds something in every tenant, and fails everywhere.
    private static let sick =
        "level: 1\ntenant: required\nfinds: SELECT owner AS tenant, no AS key FROM bills\n"
        + "steps:\n  - {id: a, check: SELECT 1}\n"

    @Test func aJobThatFailsForMostTenantsIsHalted() throws {
        try scene(["repair_sick": Self.sick]) { scene in
            try scene.sql("INSERT INTO bills SELECT no + 10, 'c' || no, 1, 'new' FROM bills;")
            try scene.expect(0, "drift", "adopt")
            try scene.expect(1, "heal", "run", "repair_sick", "--apply")
            let history = try scene.json("heal", "history")["executions"]?.array ?? []
            // Six tenants: after three of them (more than 40 %) nothing more is tried, and the history says so.
            let outcomes = history.compactMap { $0["outcome"]?.string }
            #expect(outcomes == ["failed", "failed", "failed", "halted", "halted", "halted"], "\(history)")
            let incidents = try scene.json("incident", "list")["incidents"]?.array ?? []
            #expect(incidents.first?["cause"]?.string == "halt:repair_sick")
            #expect(incidents.first?["severity"]?.string == "critical")
            // Nor soon after, in another process.
            let again = try scene.json("heal", "run", "repair_sick", "--apply")
            #expect(again["executions"]?.array?.allSatisfy { $0["outcome"]?.string == "halted" } == true)
            let job = try scene.json("heal", "list")["jobs"]?.array?.first { $0["id"]?.string == "repair_sick" }
            #expect(job?["halted"]?.bool == true && job?["halted_since"]?.string != nil)
            #expect(try scene.tool("heal", "list").out.contains("halted since"))
            let check = try scene.tool("check")
            #expect(check.code == 2 && check.out.contains("repair repair_sick is halted"), "\(check.out)")
            #expect(check.out.contains("1 critical incident is open: incident.1"), "\(check.out)")
            let status = try scene.json("status")
            #expect(status["critical_incidents"]?.array?.first?["id"]?.string == "incident.1")
            #expect(status["repairs"]?.array?.first?["id"]?.string == "repair_sick")
            #expect(try scene.tool("status").out.contains("repair_sick is halted since"))
            // A halt is for all, so no tenant lifts it or gets round it.
            try scene.expect(3, "heal", "run", "repair_sick", "--apply", "--tenant", "b")
            try scene.expect(.wrongState, "heal", "thaw", "repair_sick", "--reason", "x", "--tenant", "b")
            let thawed = try scene.json("heal", "thaw", "repair_sick", "--reason", "looked at")
            #expect(thawed["halt_lifted"]?.bool == true)
            let later = try scene.json("heal", "list")["jobs"]?.array?.first { $0["id"]?.string == "repair_sick" }
            #expect(later?["halted"]?.bool == false && later?["halted_since"] == .null)
            try scene.expect(1, "heal", "run", "repair_sick", "--apply", "--tenant", "b")
        }
    }

    /// One tenant at a time is no way around it.
    @Test func targetsAreCountedOverSeveralRuns() throws {
        try scene(["repair_sick": Self.sick]) { scene in
            try scene.sql("INSERT INTO bills SELECT no + 10, 'c' || no, 1, 'new' FROM bills;")
            try scene.expect(0, "drift", "adopt")
            for tenant in ["a", "b", "c1", "c2"] {
                try scene.expect(1, "heal", "run", "repair_sick", "--apply", "--tenant", tenant)
            }
            try scene.expect(3, "heal", "run", "repair_sick", "--apply", "--tenant", "c3")
            #expect(try scene.json("incident", "show", "1")["cause"]?.string == "halt:repair_sick")
        }
    }

    @Test func aFrozenRepairAndSafeModeAreWarnings() throws {
        try HealingScene.with { scene in
            #expect(try scene.tool("check").code == 0)
            for _ in 1...3 { try scene.expect(1, "heal", "run", "repair_hopeless", "--apply") }
            let check = try scene.tool("check")
            #expect(check.code == 1 && check.out.contains("repair repair_hopeless is frozen for a"), "\(check.out)")
            #expect(try scene.tool("status").out.contains("repair_hopeless is frozen for a"))
            try scene.expect(0, "heal", "thaw", "repair_hopeless", "--reason", "x")
            try scene.expect(0, "switch", "set", "safe_mode:tenant:a", "--value", "on", "--reason", "x")
            let held = try scene.tool("check")
            #expect(held.code == 1 && held.out.contains("safe_mode:tenant:a is on"), "\(held.out)")
        }
    }
}
