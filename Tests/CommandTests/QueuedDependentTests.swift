import BatchCore
import Foundation
import TestSupport
import Testing

/// Batches that were jobs of the queue, put there by a step of another batch.
struct QueuedDependentTests {
    private static let part = """
        tenant: none
        database: DATABASE
        params: {line: {type: integer, required: true}}
        steps:
          - {id: a, sql: "UPDATE line SET n = n + 1 WHERE id = :line"}
        """
    private static let give = """
        database: main
        steps:
          - {id: mark, sql: "UPDATE line SET n = n + 10"}
          - id: parts
            schedule.enqueue: {job: JOB, rows: SELECT id AS line FROM line}
        """

    private func scene(_ body: (BadLuckScene) throws -> Void) throws {
        let jobs = [
            "part": QueuedDependentTests.part.replacing("DATABASE", with: "main"),
            "far": QueuedDependentTests.part.replacing("DATABASE", with: "other"),
            "give": QueuedDependentTests.give.replacing("JOB", with: "part"),
            "give_far": QueuedDependentTests.give.replacing("JOB", with: "far"),
            "after": "database: main\nsteps: [{id: a, sql: UPDATE line SET n = n + 100}]",
        ]
        try BadLuckScene.with(jobs: jobs, configuration: "  other:\n    path: other.db\n") { scene in
            let table = """
                CREATE TABLE line(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
                INSERT INTO line VALUES(1, 0), (2, 0), (3, 0)
                """
            for database in ["app.db", "other.db"] { try scene.sql(table, in: database) }
            try body(scene)
        }
    }

    private func dependents(_ scene: BadLuckScene, _ batch: String) throws -> [String] {
        try scene.json("graph", batch)["dependents"]?.array?.compactMap { $0["batch"]?.string } ?? []
    }

    @Test func theyAreDependents() throws {
        try scene { scene in
            // On the way with `--database`, too.
            try scene.expect(0, "run", "give", "--database", "main")
            #expect(try dependents(scene, "give.1").isEmpty)
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try dependents(scene, "give.1") == ["part.1", "part.2", "part.3"])
            let first = try scene.json("graph", "give.1")["dependents"]?.array?.first
            #expect(first?["kind"]?.string == "declared")
            #expect(first?["evidence"]?.string == "queued by step parts as job 1")
            let refused = try scene.expect(4, "rollback", "give.1")
            #expect(refused.err.contains("3 later batches depend on give.1"))
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "11,11,11")
        }
    }

    @Test(arguments: ["cascade", "replay"]) func theyAreUndoneWithIt(mode: String) throws {
        try scene { scene in
            try scene.expect(0, "run", "give")
            try scene.expect(0, "queue", "work", "--until-empty")
            try scene.expect(0, "run", "give_far")
            try scene.expect(0, "queue", "bulk", "cancel", "--job", "far", "--reason", "no", "--confirm", "3")
            try scene.expect(0, "run", "after")
            try scene.expect(0, "rollback", "give.1", "--mode", mode, "--dry-run")
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "121,121,121")
            let done = try scene.json("rollback", "give.1", "--mode", mode)
            let order = done["order"]?.array?.compactMap(\.string) ?? []
            #expect(order == ["after.1", "give_far.1", "part.3", "part.2", "part.1", "give.1"])
            // Without what had queued them, the parts would not have run; the others would.
            let again = done["replayed"]?.array?.compactMap { $0["as"]?.string } ?? []
            #expect(again == (mode == "replay" ? ["give_far.2", "after.2"] : []))
            let value = mode == "replay" ? "110,110,110" : "0,0,0"
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == value)
            // A batch that runs again queues its own jobs.
            let open = try scene.json("queue", "list", "--state", "queued")["total"]
            #expect(open == .integer(mode == "replay" ? 3 : 0))
            try scene.expectWhole("after the rollback")
        }
    }

    @Test func whatHasNotRunIsCancelledBesideWhatHas() throws {
        try scene { scene in
            try scene.expect(0, "run", "give")
            try scene.sql(
                "UPDATE queue_jobs SET run_at = 9e12 WHERE number = 2", in: "backups/batch_manager/control.db")
            try scene.sql("UPDATE queue_jobs SET turn = NULL WHERE number = 2", in: "backups/batch_manager/control.db")
            try scene.expect(0, "queue", "work", "--until-empty")
            #expect(try dependents(scene, "give.1") == ["part.1", "part.2"])
            try scene.expect(0, "rollback", "give.1", "--mode", "cascade")
            #expect(try scene.json("queue", "show", "2")["state"]?.string == "cancelled")
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "0,0,0")
        }
    }

    /// The step had queued its jobs, and its process died before that was noted.
    @Test(arguments: [false, true]) func whatAKilledStepHasQueuedGoesToo(hasRun: Bool) throws {
        try scene { scene in
            try scene.tool("run", "give", killAt: "jobs-queued")
            #expect(try scene.json("queue", "list")["total"] == .integer(3))
            if hasRun { try scene.expect(0, "queue", "work", "--until-empty") }
            #expect(try dependents(scene, "give.1").count == (hasRun ? 3 : 0))
            try scene.expect(0, "rollback", "give.1", "--mode", "cascade")
            let cancelled = try scene.json("queue", "list", "--state", "cancelled")["total"]
            #expect(cancelled == .integer(hasRun ? 0 : 3))
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "0,0,0")
        }
    }

    @Test func thoseOfAnotherDatabaseAreNamed() throws {
        try scene { scene in
            // The batch of the same name there has queued nothing.
            try scene.expect(0, "run", "give_far")
            try scene.expect(0, "run", "--id", "give_far", "--sql", "UPDATE line SET n = 5", "--database", "other")
            try scene.expect(0, "queue", "work", "--until-empty")
            let graph = try scene.json("graph", "give_far.1", "--database", "main")
            #expect(graph["dependents"]?.array?.isEmpty == true)
            #expect(graph["elsewhere"]?.array?.compactMap { $0["batch"]?.string } == ["far.1", "far.2", "far.3"])
            #expect(graph["elsewhere"]?.array?.first?["database"]?.string == "other")
            let text = try scene.expect(0, "graph", "give_far.1", "--database", "main").out
            #expect(text.contains("far.2  in database other (queued by step parts as job 2)"))
            let there = try scene.json("graph", "give_far.1", "--database", "other")
            #expect(there["dependents"]?.array?.allSatisfy { $0["kind"]?.string != "declared" } == true)
            for mode in ["restrict", "cascade"] {
                let refused = try scene.expect(4, "rollback", "give_far.1", "--database", "main", "--mode", mode)
                #expect(refused.err.contains("far.1 in database other depends on give_far.1"))
                #expect(refused.err.contains("batchmgr rollback --id far.1 --database other"))
            }
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "10,10,10")
            for batch in ["far.3", "far.2", "far.1"] {
                try scene.expect(0, "rollback", "--id", batch, "--database", "other")
            }
            try scene.expect(0, "rollback", "give_far.1", "--database", "main")
            #expect(try scene.sql("SELECT group_concat(n) FROM line") == "0,0,0")
        }
    }

    /// Each tenant's database counts its batches from 1.
    @Test func everyTenantQueuesItsOwn() throws {
        try TemporaryFolder.with { folder in
            let scene = BadLuckScene(folder: folder)
            try scene.shell("mkdir catalog data")
            try scene.write(
                "batchmgr.yaml", "databases:\n  main: {path: 'data/{tenant}.db', tenancy: file}\n")
            try scene.write(
                "catalog/part.yaml",
                "id: part\nversion: 1.0.0\ntenant: required\nsteps: [{id: a, sql: UPDATE line SET n = n + 1}]\n")
            try scene.write(
                "catalog/give.yaml",
                "id: give\nversion: 1.0.0\ntenant: required\nsteps: [{id: parts, schedule.enqueue: {job: part}}]\n")
            for tenant in ["ann", "bob"] {
                try scene.sql("CREATE TABLE line(n INTEGER); INSERT INTO line VALUES(0)", in: "data/\(tenant).db")
                try scene.expect(0, "run", "give", "--tenant", tenant)
            }
            #expect(try scene.json("queue", "list")["total"] == .integer(2))
            try scene.expect(0, "queue", "work", "--until-empty")
            for tenant in ["ann", "bob"] {
                #expect(try scene.sql("SELECT n FROM line", in: "data/\(tenant).db") == "1")
                let graph = try scene.json("graph", "give.1", "--tenant", tenant)
                #expect(graph["dependents"]?.array?.count == 1)
                #expect(graph["elsewhere"] == nil)
                try scene.expect(0, "rollback", "give.1", "--mode", "cascade", "--tenant", tenant)
                #expect(try scene.sql("SELECT n FROM line", in: "data/\(tenant).db") == "0")
            }
        }
    }
}
