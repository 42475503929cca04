import BatchCore
import TestSupport
import Testing

/// No write to protected data without approval, and none beyond the limits.
@Suite struct ProtectedDataTests {
    static let schema = """
        CREATE TABLE ledger(id INTEGER PRIMARY KEY, amount INT);
        CREATE TABLE payments(id INTEGER PRIMARY KEY, amount_cents INT, note);
        CREATE TABLE things(id INTEGER PRIMARY KEY, v);
        CREATE TABLE plain(id INTEGER PRIMARY KEY, v);
        CREATE TRIGGER things_ledger AFTER DELETE ON things BEGIN UPDATE ledger SET amount = amount + 1; END;
        INSERT INTO ledger VALUES (1, 10), (2, 20);
        INSERT INTO payments VALUES (1, 100, 'x'), (2, 200, 'y');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) INSERT INTO things SELECT i, i FROM n;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) INSERT INTO plain SELECT i, i FROM n;
        """

    static func with(
        _ configuration: String = "    protected: [Ledger, payments.AMOUNT_cents]\n", jobs: [String: String] = [:],
        _ body: (BadLuckScene) throws -> Void
    ) throws {
        try BadLuckScene.with(jobs: jobs, configuration: configuration) { scene in
            try scene.shell("rm app.db*")
            try scene.sql(schema)
            try body(scene)
        }
    }

    @Test(arguments: [
        "UPDATE ledger SET amount = 0 WHERE id = 1", "DELETE FROM ledger", "INSERT INTO ledger VALUES (3, 3)",
        "UPDATE payments SET amount_cents = 1 WHERE id = 1",
        "UPDATE payments SET amount_cents = amount_cents + (id = 1)",
        "DELETE FROM payments WHERE id = 1", "INSERT INTO payments VALUES (3, 3, 3)",
        "REPLACE INTO payments VALUES (1, 100, 'x')", "DELETE FROM things WHERE id = 1", "DROP TABLE ledger",
        "ALTER TABLE payments DROP COLUMN amount_cents", "ALTER TABLE payments RENAME COLUMN amount_cents TO cents",
        "ALTER TABLE ledger RENAME TO journal",
        "CREATE TRIGGER t AFTER INSERT ON plain BEGIN UPDATE ledger SET amount = 0; END; INSERT INTO plain VALUES (99, 1)",
        "CREATE TRIGGER t AFTER INSERT ON ledger BEGIN SELECT 1; END", "CREATE INDEX i ON payments(note)",
    ])
    func protectedDataDoesNotChange(_ sql: String) throws {
        try Self.with { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE plain SET v = 0")
            try scene.expectRefused(["run", "--id", "attack", "--sql", sql], with: .protectedData)
            try scene.expectRefused(["run", "--id", "attack", "--sql", sql, "--dry-run"], with: .protectedData)
            try scene.expectRefused(["--db", "app.db", "run", "--id", "attack", "--sql", sql], with: .protectedData)
        }
    }

    static let classes = "    classes: {ledger: [Ledger], payment: [payments.AMOUNT_cents]}\n"

    @Test(arguments: [
        ("UPDATE ledger SET amount = 0 WHERE id = 1", "Ledger is of class ledger"),
        ("UPDATE payments SET amount_cents = 1", "payments.AMOUNT_cents is of class payment"),
        ("DELETE FROM payments WHERE id = 1", "class payment"), ("DELETE FROM things WHERE id = 1", "class ledger"),
        ("DROP TABLE ledger", "class ledger"),
    ])
    func aChangeOfAClassBecomesAPlan(_ sql: String, _ why: String) throws {
        for level in 0...2 {
            let job =
                "level: \(level)\nsteps:\n  - {id: first, sql: UPDATE plain SET v = 0}\n  - {id: then, sql: \"\(sql)\"}\n"
            try Self.with(Self.classes, jobs: ["fix": job]) { scene in
                let before = try scene.dump()
                let dryRun = try scene.expect(0, "run", "fix", "--dry-run", "--json")
                #expect(dryRun.out.contains("\"dry_run\":true"))
                let result = try scene.expect(7, "run", "fix")
                #expect(result.out.contains("plan.1"), "\(result.out)\(result.err)")
                #expect(try scene.dump() == before, "level \(level)")
                let plan = try scene.json("plan", "show", "plan.1")
                #expect(plan["because"]?.string?.contains(why) == true, "\(plan["because"] ?? .null)")
                try scene.expect(0, "verify")
            }
        }
    }

    @Test func anApprovedPlanChangesAClassAndIsUndone() throws {
        let job = "steps:\n  - {id: set, sql: UPDATE payments SET amount_cents = 1}\n"
        try Self.with(Self.classes, jobs: ["fix": job]) { scene in
            let before = try scene.dump()
            try scene.expect(7, "run", "fix", "--key", "k")
            try scene.expect(0, "plan", "approve", "--id", "plan.1", "--as", "carol")
            try scene.expect(0, "plan", "apply", "--id", "plan.1")
            #expect(try scene.sql("SELECT sum(amount_cents) FROM payments") == "2")
            try scene.expect(0, "rollback", "fix")
            #expect(try scene.dump() == before)
        }
    }

    /// Names are checked, and the rules travel with the ledger.
    @Test func classesAreCheckedAndTravelWithTheLedger() throws {
        try Self.with("    classes: {payment: [payments.amont_cents]}\n") { scene in
            let result = try scene.expect(.invalidConfiguration, "run", "--id", "x", "--sql", "UPDATE plain SET v = 0")
            #expect(result.err.contains("classes: table payments has no column 'amont_cents'"), "\(result.err)")
        }
        try Self.with(Self.classes) { scene in
            try scene.expect(0, "run", "--id", "x", "--sql", "UPDATE plain SET v = 0")
            try scene.expect(7, "--db", "app.db", "run", "--id", "y", "--sql", "UPDATE payments SET amount_cents = 1")
            try scene.expect(0, "--db", "app.db", "run", "--id", "z", "--sql", "UPDATE payments SET note = 'z'")
        }
    }

    @Test(arguments: [
        "UPDATE payments SET note = 'z'", "UPDATE payments SET amount_cents = amount_cents, note = 'z'",
        "DELETE FROM plain", "CREATE TABLE more(id)",
    ])
    func whatIsNotProtectedChanges(_ sql: String) throws {
        try Self.with { scene in
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "work", "--sql", sql)
            try scene.expect(0, "rollback", "--id", "work.1")
            #expect(try scene.dump() == before)
        }
    }

    @Test func aMisspeltNameIsAnError() throws {
        for (name, meant) in [("ledgr", "ledger"), ("payments.amount_cent", "amount_cents")] {
            try Self.with("    protected: [\(name)]\n") { scene in
                let result = try scene.expect(.invalidConfiguration, "run", "--id", "x", "--sql", "SELECT 1")
                #expect(result.err.contains("did you mean '\(meant)'?"), "\(result.err)")
            }
        }
        try Self.with("    tenancy: column\n    tenant_column: amont\n") { scene in
            let result = try scene.expect(.invalidConfiguration, "run", "--id", "x", "--sql", "SELECT 1")
            #expect(result.err.contains("did you mean 'amount'?"), "\(result.err)")
        }
    }

    /// A batch from before the protection can be undone: that leads back to what was there.
    @Test func anUndoOfProtectedDataIsAllowedAndAudited() throws {
        try Self.with("") { scene in
            let before = try scene.dump()
            try scene.expect(0, "run", "--id", "pay", "--sql", "UPDATE payments SET amount_cents = 0")
            try scene.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: app.db\n    protected: [payments]\n")
            // Half of an undo was never there.
            for words in [["--mode", "unconflicted"], ["--on-conflict", "keep"], ["--on-conflict", "overwrite"]] {
                try scene.expectRefused(["rollback", "--id", "pay.1"] + words, with: .protectedData)
            }
            try scene.expect(0, "rollback", "--id", "pay.1")
            #expect(try scene.dump() == before)
            let audit = try scene.sql(
                "SELECT details FROM batchmgr_audit WHERE action = 'rollback' AND outcome = 'committed'")
            #expect(audit.contains("\"protected\":[\"payments\"]"), "\(audit)")
            try scene.expect(0, "rollback", "--id", "rollback.1")
        }
    }

    static let limits: [(limits: String, sql: String, isAllowed: Bool)] = [
        ("rows: 3", "UPDATE plain SET v = 0 WHERE id <= 3", true),
        ("rows: 3", "UPDATE plain SET v = 0 WHERE id <= 4", false),
        ("rows: 0", "UPDATE plain SET v = 0 WHERE id = 1", false),
        ("tables: [PLAIN]", "UPDATE plain SET v = 0", true),
        ("tables: [plain]", "UPDATE things SET v = 0", false),
        ("tables: []", "UPDATE plain SET v = 0", false),
        ("deleted_share: 0.5", "DELETE FROM plain WHERE id <= 5", true),
        ("deleted_share: 0.5", "DELETE FROM plain WHERE id <= 6", false),
        ("deleted_share: 0.5", "DELETE FROM plain", false),
        ("deleted_share: 0.5", "DROP TABLE plain", false),
        ("deleted_share: 0", "DELETE FROM plain WHERE id = 1", false),
        ("deleted_share: 1", "DELETE FROM plain", true),
        (
            "time: 200ms", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            false
        ),
    ]

    @Test(arguments: limits)
    func limitsHold(_ limit: String, _ sql: String, _ isAllowed: Bool) throws {
        let steps = "steps:\n  - id: work\n    sql: \(sql)\n"
        let before = ["limited": "limits: {\(limit)}\n" + steps, "free": steps]
        try Self.with("", jobs: before) { scene in
            try scene.expect(0, "run", "--id", "first", "--sql", "UPDATE things SET v = 0 WHERE id = 1")
            if isAllowed {
                try scene.expect(0, "run", "--id", "limited")
            } else {
                try scene.expectRefused(["run", "--id", "limited"], with: .limitExceeded, note: limit)
            }
        }
        try Self.with("    limits: {\(limit)}\n", jobs: before) { scene in
            try scene.expect(0, "doctor")
            if isAllowed {
                _ = try scene.expect(0, "run", "--id", "free")
                return
            }
            let before = try scene.dump()
            try scene.expect(.limitExceeded, "run", "--id", "free")
            #expect(try scene.dump() == before)
        }
    }

    @Test func limitsCountTheWholeBatch() throws {
        let walk = """
            steps:
              - id: walk
                for_each: SELECT id FROM plain ORDER BY id
                chunk: 2
                sql: DELETE FROM plain WHERE id = :id
            """
        let jobs = ["rows": "limits: {rows: 5}\n" + walk, "share": "limits: {deleted_share: 0.5}\n" + walk]
        try Self.with("", jobs: jobs) { scene in
            let before = try scene.dump()
            for (job, left) in [("rows", "6"), ("share", "6")] {
                try scene.expect(.limitExceeded, "run", "--id", job)
                #expect(try scene.sql("SELECT count(*) FROM plain") == left)
                try scene.expect(.limitExceeded, "resume", "--id", "\(job).1")
                #expect(try scene.sql("SELECT count(*) FROM plain") == left)
                try scene.expect(0, "rollback", "--id", "\(job).1")
                #expect(try scene.dump() == before)
            }
        }
    }
}
