import BatchCore
import TestSupport
import Testing

/// Modules and flags of a catalog, degraded mode, and tenants who are isolated.
@Suite struct ModuleTests {
    private static let modules = """
        billing: {tables: [bills, parts], critical: true, flags: [auto_billing]}
        caching: {tables: ["kept values"]}
        reminders: {description: Letters}
        """
    private static let flags = """
        auto_billing: {module: billing, sensitive: true}
        auto_reminders: {module: reminders, default: on}
        """

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with(jobs: [
            "tidy": "module: caching\nsteps:\n  - {id: a, sql: UPDATE bills SET state = 'x' WHERE owner = :tenant}\n",
            "tidy_both":
                "module: caching\nuses: [billing]\nsteps:\n  - {id: a, sql: UPDATE bills SET state = 'x' WHERE owner = :tenant}\n",
        ]) { scene in
            try scene.write("catalog/modules.yaml", ModuleTests.modules)
            try scene.write("catalog/flags.yaml", ModuleTests.flags)
            try body(scene)
        }
    }

    private func switches(_ scene: BadLuckScene) throws -> [String: String] {
        let list = try scene.json("switch", "list")["switches"]?.array ?? []
        return list.reduce(into: [:]) { $0[$1["name"]?.string ?? ""] = $1["value"]?.string }
    }

    @Test func degradedModeIsOneActAndEndsWithWhatWas() throws {
        try scene { scene in
            try scene.expect(
                0, "switch", "set", "module:reminders", "--value", "off", "--reason", "no paper")
            let before = try scene.json("switch", "list")["switches"]
            let rows = try scene.json("audit", "list")["entries"]?.array?.count ?? 0
            let on = try scene.json("degrade", "on", "--reason", "little room")
            // What is off already goes no further back, and what is critical works on.
            #expect(on["switches"]?.array?.compactMap { $0["name"]?.string } == ["module:caching"])
            #expect(on["critical"] == ["billing"])
            #expect(try switches(scene) == ["module:reminders": "off", "module:caching": "degraded"])
            #expect(try scene.json("audit", "list")["entries"]?.array?.count == rows + 1)
            let off = try scene.json("degrade", "off", "--reason", "room again")
            #expect(off["switches"]?.array?.compactMap { $0["value"]?.string } == ["on"])
            #expect(try scene.json("switch", "list")["switches"] == before)
        }
    }

    /// A repair that names no module belongs to those of the tables that its steps write.
    @Test func switchesAndQuotasOfAModuleReachItsRepairs() throws {
        try scene { scene in
            try scene.write(
                "catalog/modules.yaml",
                ModuleTests.modules.replacing("critical: true", with: "quota: {batches_per_day: 2}"))
            try scene.write(
                "catalog/rules.yaml",
                "used: {event: quota, judge: level, threshold: 99, by: [module], action: incident}\n")
            let jobs = try scene.json("heal", "list")["jobs"]?.array ?? []
            let modules = jobs.reduce(into: [:]) { $0[$1["id"]?.string ?? ""] = $1["modules"] }
            #expect(modules["repair_totals"] == ["billing"] && modules["repair_cache"] == ["caching"], "\(modules)")
            let before = try scene.dump()
            try scene.expect(0, "switch", "set", "safe_mode:module:billing", "--value", "on", "--reason", "test")
            try scene.expect(7, "heal", "run", "repair_totals", "--apply")
            #expect(try scene.dump() == before)
            try scene.expect(0, "heal", "run", "repair_cache", "--apply")
            try scene.expect(0, "switch", "undo", "safe_mode:module:billing", "--reason", "over")
            try scene.expect(0, "switch", "set", "module:billing", "--value", "off", "--reason", "test")
            try scene.expect(3, "heal", "run", "repair_totals", "--apply")
            try scene.expect(0, "switch", "undo", "module:billing", "--reason", "over")
            try scene.expect(0, "rules", "check")
            try scene.expect(0, "heal", "run", "repair_totals", "--apply")
            try scene.expect(1, "rules", "check")
            let incident = try scene.json("incident", "show", "1")
            #expect(incident["cause"]?.string == "rule:used:billing", "\(incident)")
        }
    }

    @Test func whatSomebodySetMeanwhileStays() throws {
        try scene { scene in
            try scene.expect(0, "degrade", "on", "--module", "caching", "--reason", "little room")
            try scene.expect(0, "switch", "set", "module:caching", "--value", "off", "--reason", "broken")
            try scene.expect(0, "degrade", "off", "--reason", "room again")
            #expect(try switches(scene) == ["module:caching": "off"])
            try scene.expect(.safeMode, "degrade", "on", "--module", "billing", "--reason", "all of it")
            try scene.expect(.unknownName, "degrade", "on", "--module", "biling", "--reason", "a slip")
        }
    }

    @Test func aJobOfAModuleWritesTablesOfAnotherOnlyWhenItSaysSo() throws {
        try scene { scene in
            let before = try scene.dump()
            try scene.expect(.limitExceeded, "run", "tidy", "--tenant", "a")
            #expect(try scene.dump() == before)
            try scene.expect(0, "run", "tidy_both", "--tenant", "a")
        }
    }

    @Test func flagsAreReadWithTheirDefault() throws {
        try scene { scene in
            try scene.expect(0, "run", "tidy_both", "--tenant", "a")
            let read = "SELECT name || '=' || value FROM batchmgr_switches ORDER BY name"
            #expect(try scene.sql(read) == "flag:auto_billing=off\nflag:auto_reminders=on")
            try scene.expect(0, "switch", "set", "flag:auto_billing", "--value", "on", "--reason", "begin")
            #expect(try scene.sql(read) == "flag:auto_billing=on\nflag:auto_reminders=on")
            let undone = try scene.json("switch", "undo", "flag:auto_billing", "--reason", "not yet")
            #expect(undone["old"]?.string == "on")
            #expect(try scene.sql(read) == "flag:auto_billing=off\nflag:auto_reminders=on")
            try scene.expect(.unknownSwitch, "switch", "set", "flag:auto_biling", "--value", "on", "--reason", "slip")
        }
    }

    @Test func anIsolatedTenantGetsNothingAndOthersGoOn() throws {
        try scene { scene in
            try scene.expect(0, "run", "tidy_both", "--tenant", "a")
            try scene.expect(0, "switch", "set", "tenant:a", "--value", "isolated", "--reason", "leak")
            try scene.expect(.safeMode, "run", "tidy_both", "--tenant", "a")
            try scene.expect(.safeMode, "queue", "add", "tidy_both", "--tenant", "a")
            try scene.expect(0, "queue", "add", "tidy_both", "--tenant", "b")
            try scene.expect(0, "run", "tidy_both", "--tenant", "b")
        }
    }

    @Test func mistakesAreToldWithTheirPlace() throws {
        try scene { scene in
            try scene.write("catalog/modules.yaml", "a: {tables: [bills]}\nb: {tables: [BILLS], crtical: true}\n")
            let result = try scene.expect(2, "catalog", "validate")
            #expect(result.out.contains("modules.yaml:2") && result.out.contains("belongs to module a already"))
            #expect(result.out.contains("crtical"))
        }
    }
}
