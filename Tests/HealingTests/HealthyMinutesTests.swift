import BatchCatalog
import BatchCore
import BatchEngine
import BatchHealing
import TestSupport
import Testing

/// A halted repair goes on by itself, by a clock that is given.
@Suite struct HealthyMinutesTests {
    private static let job = "repair_sick"
    /// It finds something in every tenant, and fails until a row says that the cause is gone.
    private static let sick =
        "level: 1\ntenant: required\nfinds: SELECT owner AS tenant, no AS key FROM bills WHERE state = 'new'\n"
        + "steps:\n  - {id: a, check: SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM bills WHERE state = 'gone')}\n"
        + "  - {id: b, sql: UPDATE bills SET state = 'well' WHERE state = 'new' AND owner = :tenant}\n"

    /// - Returns: the outcome for each tenant.
    private func run(_ scene: BadLuckScene, at time: Timestamp) throws -> [HealRunReport.Outcome] {
        let workspace = try Workspace.load(scene.folder)
        var context = Context.system()
        context.now = { time }
        let job = try workspace.loadCatalog(StepRegistry.builtIn.rules()).job(named: HealthyMinutesTests.job)
        let values = try ParameterValues(job, set: [])
        let run = RepairRun(job, values, mode: .apply) { [context] (tenant) throws(BatchError) in
            var own = context
            own.tenant = tenant
            return try Session(workspace, tenant: tenant, context: own)
        }
        return try run.perform(tenant: nil).executions.map(\.outcome)
    }

    @Test func aHaltEndsAfterFifteenMinutesInWhichNothingFailed() throws {
        try BadLuckScene.with(jobs: [Self.job: Self.sick], configuration: HealingScene.configuration) { scene in
            try scene.sql(HealingScene.schema)
            try scene.sql(
                "DELETE FROM bills; INSERT INTO bills SELECT value, 'c' || value, 1, 'new' FROM json_each('[1,2,3,4,5,6]')"
            )
            try scene.expect(0, "run", "first", "--sql", "UPDATE bills SET sum = 2 WHERE no = 1", "--tenant", "c1")
            func after(_ milliseconds: Int64, _ start: Timestamp) -> Timestamp {
                Timestamp(milliseconds: start.milliseconds + milliseconds)
            }
            let start = after(60_000, Context.system().now())
            let first = try run(scene, at: start)
            #expect(first == [.failed, .failed, .failed, .halted, .halted, .halted], "\(first)")
            // The cause is gone, and nobody thaws it.
            try scene.expect(
                0, "run", "mend", "--sql", "INSERT INTO bills VALUES(99, 'c1', 0, 'gone')", "--tenant", "c1")
            let early = try run(scene, at: after(899_999, start))
            #expect(early == Array(repeating: .halted, count: 6), "\(early)")
            let late = try run(scene, at: after(900_000, start))
            #expect(late == Array(repeating: .healed, count: 6), "\(late)")
        }
    }

    /// A freeze does not end by itself; what is a day old does not count any more.
    @Test func aFreezeStaysAndOldFailuresAreForgotten() throws {
        try BadLuckScene.with(jobs: [Self.job: Self.sick], configuration: HealingScene.configuration) { scene in
            try scene.sql(HealingScene.schema)
            try scene.sql("DELETE FROM bills WHERE owner = 'b'")
            try scene.expect(0, "run", "first", "--sql", "UPDATE bills SET sum = 2 WHERE no = 1", "--tenant", "a")
            let start = Context.system().now().milliseconds
            let day: Int64 = 86_400_000
            for time in [0, 1, day + 2] {
                #expect(try run(scene, at: Timestamp(milliseconds: start + time)) == [.failed], "\(time)")
            }
            // The first two are more than a day old.
            for time in [day + 3, day + 4] {
                #expect(try run(scene, at: Timestamp(milliseconds: start + time)) == [.failed], "\(time)")
            }
            #expect(try run(scene, at: Timestamp(milliseconds: start + 9 * day)) == [.frozen])
        }
    }
}
