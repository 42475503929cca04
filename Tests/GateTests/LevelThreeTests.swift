import BatchCore
import TestSupport
import Testing

/// Nothing at level 3 applies itself.
@Suite struct LevelThreeTests {
    @Test func aRunMakesAPlanAndChangesNothing() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            let result = try scene.tool(7, "run", "--id", "three", "--json")
            let plan = try JSONParser.parse(result.out)
            #expect(plan["plan"]?.string == "plan.1")
            #expect(plan["status"]?.string == "proposed")
            #expect(plan["because"]?.string == "the job is of level 3")
            try scene.expectNothingRan(since: before)
            #expect(try scene.audit() == ["plan propose proposed", "run planned"])
        }
    }

    /// Whatever else is asked for.
    @Test(arguments: [
        ["--yes"], ["--key", "k"], ["--no-input", "--quiet"], ["--propose"], ["--expires", "1h"],
    ])
    func noOptionMakesItApply(_ options: [String]) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.tool(7, ["run", "--id", "three"] + options)
            try scene.tool(7, ["run", "--id", "three"] + options)
            try scene.expectNothingRan(since: before)
        }
    }

    @Test func noWayRoundAppliesIt() throws {
        try GovernedScene.with { scene in
            try scene.tool(0, "run", "--id", "plain")
            try scene.approved()
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
            let before = try scene.base.dump()
            try scene.refused(.notReplayable, "rollback", "--id", "plain", "--mode", "replay")
            try scene.refused(.wrongState, "resume", "--id", "three.1")
            try scene.refused(.wrongState, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.dump() == before)
        }
    }

    @Test(arguments: ["plan-claimed", "batch-begun", "begun", "worked", "before-release"])
    func aKilledPlanIsNotGoneOnWith(_ place: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            try scene.tool(137, killAt: place, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.dump() == before)
            if place == "plan-claimed" {
                #expect(try scene.status() == "approved")
                try scene.tool(0, "plan", "apply", "--id", "plan.1")
                return
            }
            #expect(try scene.status() == "failed")
            try scene.refused(.approvalRequired, "resume", "--id", "three.1")
            try scene.refused(.wrongState, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.dump() == before)
            try scene.base.expectWhole(place)
        }
    }

    @Test(arguments: ["committed", "batch-settled", "bak-written", "commit-written", "plan-ran"])
    func aPlanThatWasKilledBehindItsCommitIsApplied(_ place: String) throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved()
            try scene.tool(137, killAt: place, "plan", "apply", "--id", "plan.1")
            try scene.tool(0, "plan", "list")
            #expect(try scene.base.sql("SELECT sum(price), (SELECT count(*) FROM log) FROM items") == "153|5")
            try scene.refused(.wrongState, "plan", "apply", "--id", "plan.1")
            try scene.base.expectWhole(place)
            try scene.tool(0, "rollback", "--id", "three")
            #expect(try scene.base.dump() == before)
        }
    }

    @Test func anyJobCanBeAPlan() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            try scene.approved("run", "--id", "fix", "--sql", "DELETE FROM items WHERE id = 2", "--propose")
            try scene.expectNothingRan(since: before)
            try scene.tool(0, "plan", "apply", "--id", "plan.1")
            #expect(try scene.base.sql("SELECT count(*) FROM items") == "4")
        }
    }

    @Test func aJobThatFailsBecomesNoPlan() throws {
        try GovernedScene.with { scene in
            let before = try scene.base.dump()
            let sql = "INSERT INTO items VALUES(1, 1, 1)"
            try scene.refused(.rehearsalFailed, "run", "--id", "fix", "--sql", sql, "--propose")
            try scene.expectNothingRan(since: before)
            #expect(try scene.json("plan", "list")["plans"]?.array?.isEmpty == true)
            #expect(try scene.audit() == ["plan propose refused", "run refused"])
        }
    }
}
