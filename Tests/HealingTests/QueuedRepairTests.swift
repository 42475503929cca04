import BatchCore
import TestSupport
import Testing

/// A repair runs in one way, whoever has begun it.
@Suite struct QueuedRepairTests {
    /// How a repair of wrong totals begins without a person, and how it is tried again.
    enum Way: String, CaseIterable, Sendable {
        case queue, schedule, rule, runbook, automatic, typed

        /// The switches that hold back what begins by itself say nothing to a person.
        static let unattended = allCases.filter { $0 != .typed }

        func begin(_ scene: BadLuckScene) throws {
            switch self {
            case .queue: try scene.expect(0, "queue", "add", "repair_totals")
            case .schedule:
                try scene.expect(0, "schedule", "add", "nightly", "--job", "repair_totals", "--cron", "0 3 * * *")
                try scene.expect(0, "schedule", "trigger", "nightly")
            case .rule:
                try scene.write(
                    "catalog/rules.yaml",
                    "errors: {event: error, judge: count, window: 1h, threshold: 1, cooldown: 1ms, action: notify, repair: repair_totals}\n"
                )
            case .runbook:
                try scene.shell("mkdir -p catalog/runbooks")
                try scene.write(
                    "catalog/runbooks/totals.yaml",
                    "title: Totals\nsteps:\n  - {id: a, level: 1, text: Repair, run: [heal, run, repair_totals, --apply]}\n"
                )
            case .automatic, .typed: break
            }
        }

        func goOn(_ scene: BadLuckScene) throws {
            switch self {
            case .queue, .schedule:
                // What waits for a minute is put forward.
                try scene.sql("UPDATE queue_jobs SET run_at = 0", in: "backups/batch_manager/control.db")
                try scene.tool("queue", "work", "--until-empty")
            case .rule:
                try scene.tool("run", "--id", "bad", "--sql", "UPDATE nothing SET a = 1", "--tenant", "a")
                try scene.tool("rules", "check")
            case .runbook: try scene.tool("runbook", "run", "totals")
            case .automatic: try scene.tool("heal", "run", "repair_totals", "--apply", "--automatic")
            case .typed: try scene.tool("run", "repair_totals")
            }
        }

        var begunBy: String? {
            switch self {
            case .queue: "queue job 1"
            case .schedule: "schedule nightly"
            case .rule: "rule errors"
            case .runbook, .automatic, .typed: nil
            }
        }
    }

    private func scene(_ jobs: [String: String] = [:], _ body: (BadLuckScene) throws -> Void) throws {
        try HealingScene.with(jobs: jobs) { scene in
            try scene.expect(0, "run", "first", "--sql", "UPDATE bills SET state = 'x' WHERE no = 1", "--tenant", "a")
            try body(scene)
        }
    }

    private func executions(_ scene: BadLuckScene) throws -> [JSONValue] {
        try scene.json("heal", "history")["executions"]?.array ?? []
    }

    @Test(arguments: Way.allCases)
    func itMakesABatchForEachTenantAndIsInTheHistory(way: Way) throws {
        try scene { scene in
            let before = try scene.dump()
            try way.begin(scene)
            try way.goOn(scene)
            #expect(try scene.sql("SELECT group_concat(sum) FROM bills") == "10,20,30,40")
            let tenants = "SELECT group_concat(tenant) FROM batchmgr_batches WHERE job = 'repair_totals'"
            #expect(try scene.sql(tenants) == "a,b")
            let found = try executions(scene)
            #expect(found.compactMap { $0["outcome"]?.string } == ["healed", "healed"], "\(found)")
            #expect(found.allSatisfy { $0["begun_by"]?.string == way.begunBy }, "\(found)")
            #expect(found.allSatisfy { $0["trace_id"]?.string?.utf8.count == 32 }, "\(found)")
            for batch in ["repair_totals.2", "repair_totals.1"] { try scene.expect(0, "rollback", batch) }
            #expect(try scene.dump() == before)
            try scene.expect(0, "audit", "verify")
        }
    }

    @Test(
        arguments: Way.unattended,
        ["auto_heal:DATA", "auto_heal:job:repair_totals", "job:repair_totals", "module:billing=degraded"])
    func switchesHoldItBack(way: Way, name: String) throws {
        try scene(["repair_totals": "module: billing\n" + HealingScene.jobs["repair_totals", default: ""]]) { scene in
            try scene.write("catalog/modules.yaml", "billing: {tables: [bills]}\n")
            let before = try scene.dump()
            let parts = name.split(separator: "=").map(String.init)
            let value = parts.count > 1 ? parts[1] : name.hasPrefix("auto") ? "off" : "disabled"
            try scene.expect(0, "switch", "set", parts[0], "--value", value, "--reason", "test")
            try way.begin(scene)
            for _ in 1...2 { try way.goOn(scene) }
            #expect(try scene.dump() == before)
            let held = try executions(scene)
            // It is told once for each tenant, however often it is tried.
            #expect(held.compactMap { $0["outcome"]?.string } == ["skipped", "skipped"], "\(held)")
            #expect(try scene.json("heal", "list")["jobs"]?.array?.contains { $0["frozen"]?.bool == true } == false)
            try scene.expect(0, "switch", "undo", parts[0], "--reason", "over")
            try way.goOn(scene)
            #expect(try scene.sql("SELECT group_concat(sum) FROM bills") == "10,20,30,40")
        }
    }

    @Test(arguments: Way.allCases)
    func inSafeModeItIsAPlan(way: Way) throws {
        try scene { scene in
            let before = try scene.dump()
            try scene.expect(0, "switch", "set", "safe_mode", "--value", "on", "--reason", "test")
            try way.begin(scene)
            try way.goOn(scene)
            #expect(try scene.dump() == before)
            #expect(try executions(scene).compactMap { $0["outcome"]?.string } == ["planned", "planned"])
            #expect(try scene.json("plan", "list")["plans"]?.array?.count == 2)
        }
    }

    /// `run` with the name of a repair is `heal run`: nothing that holds the one lets the other through.
    @Test func runIsNoOtherWay() throws {
        try scene { scene in
            let before = try scene.dump()
            let job = "repair_totals"
            let dry = try JSONParser.parse(try scene.expect(0, "run", job, "--dry-run", "--json").out)
            #expect(dry["mode"] == "dry_run" && dry["executions"]?.array?.count == 2, "\(dry)")
            try scene.expect(7, "run", job, "--propose", "--tenant", "a", "--expires", "1h")
            #expect(try scene.dump() == before)
            try scene.expect(0, "switch", "set", "job:\(job)", "--value", "disabled", "--reason", "test")
            try scene.expect(3, "run", job)
            #expect(try scene.dump() == before)
            try scene.expect(0, "switch", "undo", "job:\(job)", "--reason", "over")
            // For one tenant: it is a batch as of any job.
            let one = try JSONParser.parse(
                try scene.expect(0, "run", job, "--tenant", "a", "--key", "today", "--json").out)
            #expect(one["batch"] == "repair_totals.1" && one["tenant"] == "a" && one["status"] == "committed", "\(one)")
            #expect(one["findings_before"] == 1 && one["findings_after"] == 0, "\(one)")
            #expect(try scene.sql("SELECT group_concat(sum) FROM bills") == "10,20,30,44")
            // Nothing is wrong there any more, and with the same key nothing is done a second time.
            try scene.expect(0, "run", job, "--tenant", "a", "--key", "today")
            try scene.expect(0, "run", "spoil", "--tenant", "a", "--sql", "UPDATE bills SET sum = 1 WHERE no = 1")
            try scene.expect(1, "run", job, "--tenant", "a", "--key", "today")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE job = '\(job)'") == "1")
        }
    }

    @Test func whatIsFrozenIsFrozenForAPersonToo() throws {
        try scene { scene in
            for _ in 1...3 { try scene.expect(1, "run", "repair_hopeless", "--tenant", "a") }
            let batches = try scene.sql("SELECT count(*) FROM batchmgr_batches")
            try scene.expect(3, "run", "repair_hopeless", "--tenant", "a")
            try scene.expect(3, "run", "repair_hopeless", "--tenant", "a", "--anew")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches") == batches)
            let outcomes = try executions(scene).compactMap { $0["outcome"]?.string }
            #expect(outcomes == ["failed", "failed", "failed", "frozen", "frozen"], "\(outcomes)")
            try scene.expect(0, "heal", "thaw", "repair_hopeless", "--reason", "test")
            try scene.expect(1, "run", "repair_hopeless", "--tenant", "a")
        }
    }

    @Test func whatHasFailedThreeTimesIsFrozenForTheQueueToo() throws {
        try scene { scene in
            for _ in 1...3 {
                try scene.expect(0, "queue", "add", "repair_hopeless", "--tenant", "a")
                try scene.expect(1, "queue", "work", "--until-empty")
            }
            let batches = try scene.sql("SELECT count(*) FROM batchmgr_batches")
            try scene.expect(0, "queue", "add", "repair_hopeless")
            try scene.expect(0, "queue", "work", "--until-empty")
            let job = try scene.json("queue", "show", "4")
            #expect(job["state"]?.string == "waiting" && job["kind"]?.string == "heal", "\(job)")
            #expect(job["why"]?.string?.contains("the repair is frozen: see heal list") == true, "\(job)")
            // A queue tries again and again; the history tells it once.
            try scene.expect(0, "queue", "add", "repair_hopeless", "--tenant", "a")
            try scene.expect(0, "queue", "work", "--until-empty")
            let outcomes = try executions(scene).compactMap { $0["outcome"]?.string }
            #expect(outcomes == ["failed", "failed", "failed", "frozen"], "\(outcomes)")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches") == batches)
            let incidents = try scene.json("incident", "list")["incidents"]?.array ?? []
            #expect(incidents.first?["cause"]?.string == "freeze:repair_hopeless:a", "\(incidents)")
        }
    }

    @Test func aWorkerThatDiesRepairsNothingTwice() throws {
        try scene { scene in
            try scene.expect(0, "queue", "add", "repair_totals")
            try scene.tool(["queue", "work", "--until-empty"], killAt: "job-run")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE job = 'repair_totals'") == "2")
            try scene.sql("UPDATE queue_jobs SET run_at = 0", in: "backups/batch_manager/control.db")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try scene.json("queue", "show", "1")["state"]?.string == "done")
            #expect(try scene.sql("SELECT count(*) FROM batchmgr_batches WHERE job = 'repair_totals'") == "2")
            try scene.expectWhole("after the worker died")
        }
    }

    @Test func whatOnlyTellsIsNoJobOfTheQueue() throws {
        let job = "flag_only: true\nfinds: SELECT owner AS tenant, no AS key FROM bills\n"
        try scene(["flag_bills": job]) { scene in
            try scene.expect(.usage, "queue", "add", "flag_bills")
        }
    }
}
