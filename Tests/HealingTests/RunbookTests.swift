import BatchCore
import TestSupport
import Testing

/// Runbooks: carried out by level, and checked afterwards.
@Suite struct RunbookTests {
    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with { scene in
            let package = TextFile.inPackage("catalog/")
            try scene.shell("cp -r '\(package)runbooks' '\(package)rules.yaml' catalog/")
            try scene.write("catalog/modules.yaml", "caching: {tables: [\"kept values\"]}\nbilling: {critical: true}\n")
            try scene.write("catalog/flags.yaml", "auto_billing: {sensitive: true}\nauto_entry: {sensitive: true}\n")
            try scene.expect(
                0, "run", "--id", "fix", "--sql", "UPDATE bills SET state = 'x' WHERE owner = 'a'", "--tenant", "a")
            try body(scene)
        }
    }

    private func outcomes(_ report: JSONValue) -> [String: String] {
        (report["steps"]?.array ?? []).reduce(into: [:]) { $0[$1["id"]?.string ?? ""] = $1["outcome"]?.string }
    }

    private func checks(_ report: JSONValue) -> [String: Bool] {
        (report["checklist"]?.array ?? []).reduce(into: [:]) { $0[$1["name"]?.string ?? ""] = $1["ok"]?.bool }
    }

    @Test func levelOneIsDoneLevelTwoWaitsForAYesAndLevelThreeForAPerson() throws {
        try scene { scene in
            let first = try scene.tool("runbook", "run", "performance", "--json")
            #expect(first.code == 7, "\(first.err)")
            var found = outcomes(try JSONParser.parse(first.out))
            #expect(found["look"] == "done" && found["degrade"] == "waiting" && found["room"] == "planned")
            #expect(try scene.json("switch", "list")["switches"]?.array?.isEmpty == true)
            let second = try scene.json("runbook", "run", "performance", "--yes")
            found = outcomes(second)
            #expect(found["degrade"] == "done" && found["wait"] == "done")
            let switches = try scene.json("switch", "list")["switches"]?.array?.compactMap { $0["name"]?.string }
            #expect(switches == ["module:caching"])
            #expect(checks(second)["audit"] == true && checks(second)["gateway"] == true)
            #expect(Set(checks(second).keys) == ["audit", "gateway", "rollback", "objectives", "postmortem"])
        }
    }

    @Test func anAttackIsolatesTheTenantAndLeavesTheDataToAPlan() throws {
        try scene { scene in
            try scene.expect(.usage, "runbook", "run", "cross_tenant")
            let before = try scene.dump()
            let report = try JSONParser.parse(
                try scene.tool("runbook", "run", "cross_tenant", "--tenant", "a", "--json").out)
            #expect(outcomes(report)["isolate"] == "done" && outcomes(report)["data"] == "planned")
            // The incident that it has opened is critical, and nobody has learnt from it yet.
            #expect(checks(report)["postmortem"] == false)
            // Only what is concerned is held back.
            let names = try scene.json("switch", "list")["switches"]?.array?.compactMap { $0["name"]?.string }
            #expect(names == ["tenant:a"], "\(names ?? [])")
            #expect(outcomes(report)["block"] == "planned")
            try scene.expect(.unknownName, "runbook", "run", "cross_tenant", "--tenant", "a", "--module", "cachin")
            let blocked = try JSONParser.parse(
                try scene.tool("runbook", "run", "cross_tenant", "--tenant", "a", "--module", "caching", "--json").out)
            #expect(outcomes(blocked)["block"] == "done")
            let incident = try scene.json("incident", "show", "incident.2")
            #expect(incident["module"]?.string == "caching", "\(incident)")
            let actions = incident["actions"]?.array?.compactMap { $0["text"]?.string } ?? []
            #expect(actions.contains("done: Block the module"), "\(actions)")
            #expect(actions.contains { $0.hasPrefix("planned: Correct the rows only by a plan") }, "\(actions)")
            try scene.expect(0, "incident", "postmortem", "incident.2", "--to", "lessons.md")
            let page = try scene.shell("cat lessons.md").out
            #expect(page.contains("(`batchmgr switch set tenant:a --value isolated"), "\(page)")
            let both = try scene.json("switch", "list")["switches"]?.array?.compactMap { $0["name"]?.string }
            #expect(Set(both ?? []) == ["tenant:a", "module:caching"])
            try scene.expect(.safeMode, "run", "fix2", "--sql", "UPDATE bills SET sum = 1", "--tenant", "a")
            #expect(try scene.dump() == before)
        }
    }

    @Test func whatIsLeftToAPersonIsTypedOutForTheSameTenant() throws {
        try scene { scene in
            let text = try scene.tool("--tenant", "a", "runbook", "run", "cross_tenant").out
            #expect(text.contains("batchmgr switch undo tenant:a --reason TEXT"), "\(text)")
            #expect(text.contains("batchmgr run JOB --propose --tenant a, then"), "\(text)")
            let waiting = try scene.tool("runbook", "run", "performance").out
            #expect(waiting.contains("type: batchmgr degrade on --reason 'runbook performance'"), "\(waiting)")
            try scene.expect(0, "--tenant", "a", "switch", "undo", "tenant:a", "--reason", "the rows are right")
        }
    }

    @Test func billingTouchesNoBooks() throws {
        try scene { scene in
            let before = try scene.dump()
            try scene.write(
                "catalog/repair_reconcile_invoices.yaml",
                "id: repair_reconcile_invoices\nversion: 1.0.0\nfinds: SELECT owner AS tenant, no AS key FROM bills WHERE sum > 20\n"
                    + "steps:\n  - {id: a, sql: UPDATE bills SET sum = 0 WHERE sum > 20 AND owner = :tenant}\n")
            let report = try JSONParser.parse(try scene.tool("runbook", "run", "billing", "--json").out)
            #expect(outcomes(report)["try"] == "done" && outcomes(report)["plan"] == "planned", "\(report)")
            #expect(try scene.dump() == before)
            // The plans are there, one for each tenant with something wrong.
            let step = report["steps"]?.array?.first { $0["id"]?.string == "plan" }
            #expect(step?["detail"]?.string == "plan.1, plan.2", "\(report)")
            let plans = try scene.json("plan", "list")["plans"]?.array ?? []
            #expect(plans.count == 2 && plans.allSatisfy { $0["status"]?.string == "proposed" }, "\(plans)")
        }
    }

    @Test func thePageIsMadeOfTheFiles() throws {
        try scene { scene in
            let page = try scene.tool("runbook", "list", "--markdown").out
            #expect(page == (try scene.shell("cat '\(TextFile.inPackage("docs/runbooks.md"))'").out))
        }
    }

    @Test func mistakesAreToldWithTheirPlace() throws {
        try scene { scene in
            try scene.write("catalog/runbooks/mine.yaml", "title: x\nsteps:\n  - {id: a, level: 4, text: y}\n")
            let result = try scene.expect(.invalidCatalog, "runbook", "list")
            #expect(result.err.contains("mine.yaml:3"))
            try scene.write(
                "catalog/runbooks/mine.yaml", "title: x\nsteps:\n  - {id: a, level: 3, text: y, run: [prune]}\n")
            let unsafe = try scene.expect(.invalidCatalog, "runbook", "list")
            #expect(unsafe.err.contains("mine.yaml:3") && unsafe.err.contains("--propose"), "\(unsafe.err)")
        }
    }
}
