import BatchCore
import TestSupport
import Testing

/// Repair jobs, carried out by the built tool on a schema that they do not know.
@Suite struct RepairTests {
    private func keys(_ answer: JSONValue, _ job: String) -> [String] {
        (answer["findings"]?.array ?? []).filter { $0["job"]?.string == job }.compactMap { finding in
            finding["key"]?.string ?? finding["key"]?.integer.map { "\($0)" }
        }
    }

    @Test func scanFindsWhatIsWrongAndChangesNothing() throws {
        try HealingScene.with { scene in
            let before = try scene.dump()
            let answer = try scene.json("heal", "scan")
            #expect(keys(answer, "repair_totals") == ["2", "4"])
            #expect(keys(answer, "repair_cache") == ["b/y"])
            #expect(answer["counts"]?["repair_careful"]?.integer == 0)
            let finding = try #require(answer["findings"]?.array?.first { $0["key"]?.integer == 2 })
            #expect(finding["tenant"]?.string == "a")
            #expect(finding["found"]?.integer == 21)
            #expect(finding["expected"]?.integer == 20)
            #expect(keys(try scene.json("heal", "scan", "--tenant", "b"), "repair_totals") == ["4"])
            #expect(try scene.dump() == before)
            #expect(try !scene.hasLedger())
        }
    }

    @Test func runRepairsTenantByTenantAndIsUndoneExactly() throws {
        try HealingScene.with { scene in
            let before = try scene.dump()
            let tried = try scene.json("heal", "run", "repair_totals", "--dry-run")
            #expect(tried["findings_before"]?.integer == 2)
            #expect(tried["findings_after"] == .null)
            #expect(try scene.dump() == before)
            let answer = try scene.json("heal", "run", "repair_totals", "--apply")
            #expect(answer["findings_after"]?.integer == 0)
            let executions = try #require(answer["executions"]?.array)
            #expect(executions.compactMap { $0["tenant"]?.string } == ["a", "b"])
            #expect(executions.allSatisfy { $0["outcome"]?.string == "healed" })
            #expect(try scene.sql("SELECT group_concat(sum) FROM bills") == "10,20,30,40")
            #expect(try scene.sql("SELECT group_concat(tenant) FROM batchmgr_batches") == "a,b")
            let again = try scene.expect(0, "heal", "run", "repair_totals", "--apply")
            #expect(again.out.contains("nothing is wrong"))
            for batch in ["repair_totals.1", "repair_totals.2"] { try scene.expect(0, "rollback", batch) }
            #expect(try scene.dump() == before)
            try scene.expectWhole("after the rollbacks")
        }
    }

    @Test func oneTenantAloneAnswersAsRunDoes() throws {
        try HealingScene.with { scene in
            let answer = try scene.json("heal", "run", "repair_cache", "--apply", "--tenant", "b")
            #expect(answer["batch"]?.string == "repair_cache.1")
            #expect(answer["rows"]?["deleted"]?.integer == 1)
            #expect(answer["findings_before"]?.integer == 1)
            #expect(answer["findings_after"]?.integer == 0)
            #expect(try scene.sql("SELECT count(*) FROM \"kept values\"") == "2")
            let history = try scene.json("heal", "history")
            let execution = try #require(history["executions"]?.array?.first)
            #expect(execution["job"]?.string == "repair_cache")
            #expect(execution["mode"]?.string == "apply")
            #expect(execution["outcome"]?.string == "healed")
            #expect(execution["batch"]?.string == "repair_cache.1")
            #expect(execution["tenant"]?.string == "b")
            #expect(execution["trace_id"]?.string?.utf8.count == 32)
        }
    }

    @Test func levelThreeAndSafeModeMakeAPlan() throws {
        try HealingScene.with { scene in
            try scene.sql("UPDATE bills SET sum = -1 WHERE no = 3")
            let before = try scene.dump()
            let careful = try scene.expect(7, "heal", "run", "repair_careful", "--apply", "--json")
            #expect(try JSONParser.parse(careful.out)["plan"]?.string == "plan.1")
            try scene.expect(0, "switch", "set", "--name", "safe_mode", "--value", "on", "--reason", "test")
            let safe = try scene.expect(7, "heal", "run", "repair_totals", "--apply", "--tenant", "a", "--json")
            #expect(try JSONParser.parse(safe.out)["plan"]?.string == "plan.2")
            #expect(try scene.dump() == before)
            #expect(try scene.json("heal", "history")["executions"]?.array?.last?["outcome"]?.string == "planned")
        }
    }

    @Test func aJobThatFailsThreeTimesIsFrozenUntilItIsThawed() throws {
        try HealingScene.with { scene in
            func run() throws -> BuiltTool.Result { try scene.tool("heal", "run", "repair_hopeless", "--apply") }
            for _ in 1...3 { #expect(try run().code == 1) }
            let batches = try scene.sql("SELECT count(*) FROM batchmgr_batches")
            let frozen = try run()
            #expect(frozen.code == 3)
            #expect(frozen.out.contains("frozen"))
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches") == batches)
            let job = try scene.json("heal", "list")["jobs"]?.array?.first { $0["id"]?.string == "repair_hopeless" }
            #expect(job?["frozen"]?.bool == true)
            #expect(job?["last_outcome"]?.string == "frozen")
            let history = try scene.json("heal", "history", "repair_hopeless")["executions"]?.array ?? []
            #expect(history.compactMap { $0["outcome"]?.string } == ["failed", "failed", "failed", "frozen"])
            #expect(history.last?["batch"] == .null && history.last?["trace_id"]?.string?.utf8.count == 32)
            try scene.expect(0, "heal", "thaw", "repair_hopeless", "--reason", "looked at")
            try scene.expect(.wrongState, "heal", "thaw", "repair_hopeless", "--reason", "again")
            #expect(try run().code == 1)
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches") != batches)
            try scene.expect(0, "audit", "verify")
        }
    }

    /// What people hold back says nothing about the repair.
    @Test(arguments: ["job:repair_totals=disabled", "tenant:a=isolated", "safe_mode=on"])
    func whatASwitchHoldsBackIsNoFailure(_ setting: String) throws {
        try HealingScene.with { scene in
            let (name, value) = (setting.prefix { $0 != "=" }, setting.drop { $0 != "=" }.dropFirst())
            try scene.expect(0, "run", "first", "--sql", "UPDATE bills SET sum = 10 WHERE no = 1", "--tenant", "a")
            try scene.expect(0, "switch", "set", String(name), "--value", String(value), "--reason", "test")
            for _ in 1...4 { try scene.tool("heal", "run", "repair_totals", "--apply", "--tenant", "a") }
            let outcomes = try scene.json("heal", "history")["executions"]?.array?.compactMap { $0["outcome"]?.string }
            #expect(Set(outcomes ?? []) == [name == "safe_mode" ? "planned" : "skipped"], "\(outcomes ?? [])")
            let job = try scene.json("heal", "list")["jobs"]?.array?.first { $0["id"]?.string == "repair_totals" }
            #expect(job?["frozen"]?.bool == false)
            try scene.expect(0, "switch", "undo", String(name), "--reason", "over")
            try scene.expect(0, "heal", "run", "repair_totals", "--apply", "--tenant", "a")
            #expect(try scene.json("heal", "history")["executions"]?.array?.last?["outcome"]?.string == "healed")
        }
    }

    @Test func aHalfDoneBatchOfItsOwnIsContinued() throws {
        let job = """
            tenant: required
            finds: SELECT owner AS tenant, no AS key FROM bills WHERE no = 2 AND state <> 'done'
            steps:
              - {id: count, sql: UPDATE bills SET sum = sum + 1 WHERE no = 2 AND owner = :tenant}
              - {id: ready, check: SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM bills WHERE state = 'go')}
              - {id: end, sql: UPDATE bills SET state = 'done' WHERE no = 2 AND owner = :tenant}
            """
        try HealingScene.with(jobs: ["repair_parts": job]) { scene in
            try scene.expect(1, "heal", "run", "repair_parts", "--apply")
            #expect(try scene.sql("SELECT sum FROM bills WHERE no = 2") == "22")
            // A try that fails does not offer to do it.
            let stuck = try scene.expect(1, "heal", "run", "repair_parts", "--dry-run").out
            #expect(!stuck.contains("do it:") && stuck.contains("catalog show"), "\(stuck)")
            let check = try scene.expect(1, "check").out
            #expect(check.contains("main: repair_parts.1 is half done"), "\(check)")
            #expect(try scene.tool("status").out.contains("half done      repair_parts.1"))
            try scene.expect(
                0, "run", "--id", "go", "--sql", "UPDATE bills SET state = 'go' WHERE no = 1", "--tenant", "a")
            // What is left of it, and not what is done.
            let rest = try scene.json("heal", "run", "repair_parts", "--dry-run")
            #expect(rest["rows"]?["updated"]?.integer == 1, "\(rest)")
            #expect(rest["executions"]?.array?.first?["continues"]?.string == "repair_parts.1", "\(rest)")
            let text = try scene.expect(0, "heal", "run", "repair_parts", "--dry-run").out
            #expect(text.contains("it would continue repair_parts.1, which is half done"), "\(text)")
            let answer = try scene.json("heal", "run", "repair_parts", "--apply")
            #expect(answer["batch"]?.string == "repair_parts.1" && answer["findings_after"]?.integer == 0, "\(answer)")
            // The first step was not done again.
            #expect(try scene.sql("SELECT sum FROM bills WHERE no = 2") == "22")
        }
    }

    @Test func aHalfDoneBatchOfAnotherDefinitionIsLeftToAPerson() throws {
        func job(_ sum: Int) -> String {
            "tenant: required\nfinds: SELECT owner AS tenant, no AS key FROM bills WHERE no = 2\nsteps:\n"
                + "  - {id: count, sql: UPDATE bills SET sum = \(sum) WHERE no = 2 AND owner = :tenant}\n"
                + "  - {id: never, check: SELECT 1}\n"
        }
        try HealingScene.with(jobs: ["repair_parts": job(7)]) { scene in
            try scene.expect(1, "heal", "run", "repair_parts", "--apply")
            let text = try scene.shell("cat catalog/repair_parts.yaml").out
            try scene.write("catalog/repair_parts.yaml", text.replacing("sum = 7", with: "sum = 8"))
            for _ in 1...4 {
                let result = try scene.tool("heal", "run", "repair_parts", "--apply")
                #expect(
                    result.out.contains("skipped") && result.out.contains("resume --id repair_parts.1"), "\(result)")
            }
            #expect(try scene.json("heal", "list")["jobs"]?.array?.contains { $0["frozen"]?.bool == true } == false)
        }
    }

    @Test func proposeMakesPlansAndChangesNothing() throws {
        try HealingScene.with { scene in
            let before = try scene.dump()
            let result = try scene.expect(7, "heal", "run", "repair_totals", "--propose", "--json")
            let plans = try JSONParser.parse(result.out)["executions"]?.array?.compactMap { $0["plan"]?.string }
            #expect(plans == ["plan.1", "plan.2"])
            #expect(try scene.dump() == before)
        }
    }

    @Test func whatIsPinnedSaysWhatRan() throws {
        try HealingScene.with { scene in
            try scene.expect(0, "heal", "run", "repair_totals", "--apply", "--tenant", "a")
            let text = try scene.sql("SELECT definition FROM batchmgr_batches")
            #expect(text.contains("UPDATE \"bills\" SET \"sum\" = (SELECT sum(p.amount)"))
            #expect(!text.contains("{invoices"))
            // The batch is redone and undone without the mapping.
            try scene.shell("rm catalog/mapping.yaml")
            try scene.expect(0, "rollback", "repair_totals.1")
        }
    }

    @Test func nobodyElsesRowsAreTouched() throws {
        let reckless = """
            tenant: required
            finds: SELECT owner AS tenant, no AS key FROM bills WHERE sum > 20
            steps:
              - {id: set, sql: UPDATE bills SET sum = 20 WHERE sum > 20}
            """
        try HealingScene.with(jobs: ["repair_reckless": reckless]) { scene in
            let before = try scene.dump()
            let result = try scene.tool("heal", "run", "repair_reckless", "--apply", "--json")
            #expect(result.code == 3)
            let executions = try JSONParser.parse(result.out)["executions"]?.array ?? []
            #expect(executions.allSatisfy { $0["error"]?.string == "ERR_SECURITY_TENANT" }, "\(result.out)")
            #expect(try scene.dump() == before)
        }
    }

    @Test func namesThatAreWrongAreTold() throws {
        try HealingScene.with { scene in
            let unknown = try scene.expect(.unknownJob, "heal", "run", "repair_total", "--apply")
            #expect(unknown.err.contains("repair_totals"))
            try scene.expect(.unknownJob, "heal", "scan", "multi")
            try scene.expect(.usage, "heal", "run", "repair_totals")
            try scene.expect(.usage, "heal", "run", "repair_totals", "--apply", "--dry-run")
        }
    }
}
