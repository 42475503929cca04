import BatchCore
import TestSupport
import Testing

/// No write outside the tenant.
@Suite struct TenantAttackTests {
    static let attacks: [(name: String, sql: String)] = [
        ("naming another tenant", "UPDATE accounts SET balance = 0 WHERE tenant_id = 'b'"),
        ("naming none", "UPDATE accounts SET balance = 0"),
        ("deleting from another", "DELETE FROM accounts WHERE id = 4"),
        ("inserting for another", "INSERT INTO accounts VALUES (9, 'b', 'b9', 1)"),
        ("inserting for nobody", "INSERT INTO moves(tenant_id, account) VALUES (NULL, 1)"),
        ("moving a row out", "UPDATE accounts SET tenant_id = 'b' WHERE id = 1"),
        ("moving a row in", "UPDATE accounts SET tenant_id = 'a' WHERE id = 3"),
        (
            "moving a row in and away",
            "UPDATE accounts SET tenant_id = 'a' WHERE id = 3; DELETE FROM accounts WHERE id = 3"
        ),
        ("through a trigger", "INSERT INTO moves(tenant_id, account, note) VALUES ('a', 1, 'spread')"),
        ("through a view", "UPDATE all_accounts SET balance = 99 WHERE code = 'a1'"),
        ("a cascade of deletes", "PRAGMA foreign_keys=ON; DELETE FROM accounts WHERE id = 1"),
        ("a cascade of updates", "PRAGMA foreign_keys=ON; UPDATE accounts SET id = 101 WHERE id = 1"),
        ("an upsert", "INSERT INTO accounts VALUES (9, 'a', 'wasp1', 1) ON CONFLICT(code) DO UPDATE SET balance = 0"),
        (
            "an upsert that takes",
            "INSERT INTO accounts VALUES (3, 'a', 'x', 1) ON CONFLICT(id) DO UPDATE SET tenant_id = 'a'"
        ),
        ("replacing a unique value", "INSERT OR REPLACE INTO accounts VALUES (9, 'a', 'wasp1', 1)"),
        ("replacing a key", "REPLACE INTO accounts VALUES (3, 'a', 'a3', 1)"),
        ("updating over a unique value", "UPDATE OR REPLACE accounts SET code = 'wasp1' WHERE id = 1"),
        ("another case", "UPDATE accounts SET balance = 0 WHERE tenant_id = 'A'"),
        ("a column without case", "UPDATE nocase SET v = 'mine' WHERE tenant_id = :tenant"),
        ("a key in another case", "UPDATE nocase SET tenant_id = 'A' WHERE tenant_id = 'a' AND n = 1"),
        ("a blob", "UPDATE loose SET v = 'mine' WHERE tenant_id = x'61'"),
        ("a row that becomes a blob", "UPDATE loose SET tenant_id = x'61' WHERE id = 4"),
        ("the same value", "UPDATE accounts SET balance = 30 WHERE id = 3"),
        ("a shared table", "UPDATE rates SET factor = 2"),
        ("a full-text table", "INSERT INTO words(note) VALUES ('mine')"),
        ("a shadow table", "UPDATE words_content SET c0 = 'mine'"),
        ("an R*Tree", "DELETE FROM places WHERE id = 2"),
        ("a counter", "UPDATE sqlite_sequence SET seq = 9000000000000000000 WHERE name = 'moves'"),
        ("a table dropped", "DROP TABLE accounts"),
        ("a table made", "CREATE TABLE mine(id INTEGER PRIMARY KEY, tenant_id)"),
        ("a column dropped", "ALTER TABLE loose DROP COLUMN tenant_id"),
        ("an index", "CREATE INDEX accounts_code ON accounts(balance)"),
        ("a trigger made", "CREATE TRIGGER mine AFTER INSERT ON moves BEGIN UPDATE accounts SET balance = 0; END"),
        ("statistics", "ANALYZE"),
        (
            "a common table",
            "WITH x AS (SELECT id FROM accounts) UPDATE accounts SET balance = 0 WHERE id IN (SELECT id FROM x)"
        ),
        ("a join", "UPDATE accounts SET balance = m.id FROM moves m WHERE m.account = accounts.id"),
        (
            "a row and back",
            "UPDATE accounts SET balance = 31 WHERE id = 3; UPDATE accounts SET balance = 30 WHERE id = 3"
        ),
        ("all rows", "DELETE FROM moves"),
    ]

    @Test(arguments: attacks)
    func sqlCannotWriteOutsideTheTenant(_ name: String, _ sql: String) throws {
        try TenantScene.with { scene in
            try scene.begin()
            let words = ["--tenant", "a", "run", "--id", "attack", "--sql", sql]
            // What a module keeps is written by the module, whoever asks.
            let error = name == "a shadow table" ? ErrorCode.forbiddenStatement : .otherTenant
            try scene.expectRefused(words, with: error, note: name)
            try scene.expectRefused(words + ["--dry-run"], with: error, note: "\(name), dry run")
            #expect(try scene.status("attack.1") == "failed")
        }
    }

    @Test(arguments: [
        ("1", "UPDATE numbers SET v = 'mine' WHERE tenant_id = :tenant", true),
        ("1", "UPDATE numbers SET v = 'mine' WHERE id = 2", false),
        ("01", "UPDATE numbers SET v = 'mine' WHERE tenant_id = :tenant", false),
        ("1.0", "UPDATE numbers SET v = 'mine' WHERE tenant_id = :tenant", false),
        ("1x", "UPDATE numbers SET v = 'mine' WHERE id = 3", true),
        ("1", "UPDATE loose SET v = 'mine' WHERE id = 1", true),
        ("1", "UPDATE loose SET v = 'mine' WHERE id = 2", false),
        ("1", "UPDATE loose SET v = 'mine' WHERE id = 3", false),
        ("1", "INSERT INTO loose VALUES(9, 1, 'number')", false),
        ("A", "UPDATE nocase SET v = 'mine' WHERE tenant_id = :tenant AND n = 2", true),
        ("A", "UPDATE nocase SET v = 'mine' WHERE tenant_id = :tenant", false),
    ])
    func aTenantIsOneValueOfOneType(_ tenant: String, _ sql: String, _ isAllowed: Bool) throws {
        try TenantScene.with { scene in
            try scene.begin()
            let words = ["--tenant", tenant, "run", "--id", "variant", "--sql", sql]
            if isAllowed { try scene.expect(0, words) } else { try scene.expectRefused(words) }
        }
    }

    @Test(arguments: [
        "b' OR '1'='1", "a'; DROP TABLE accounts; --", "../b", "a/../b", "/etc/passwd", "a\nb", "a b", ".", "..",
        "-a", "%", "a;b", "a\"b", "a`b", String(repeating: "a", count: 65), "a..b",
    ])
    func aNameWithTricksIsNoTenant(_ tenant: String) throws {
        try TenantScene.with { scene in
            try scene.begin()
            let change = ["run", "--id", "trick", "--sql", "UPDATE accounts SET balance = 0 WHERE tenant_id = :tenant"]
            try scene.expectRefused(["--tenant", tenant] + change)
        }
    }

    @Test func aParameterCannotNameAnotherTenant() throws {
        let job = """
            params: {who: {type: text}}
            steps:
              - id: pay
                sql: UPDATE accounts SET balance = 0 WHERE tenant_id = :who
            """
        try TenantScene.with(jobs: ["pay": job]) { scene in
            try scene.begin()
            try scene.expectRefused(["--tenant", "a", "run", "--id", "pay", "--set", "who=b"])
            try scene.expect(0, "--tenant", "a", "run", "--id", "pay", "--set", "who=a")
            // The name of the tenant itself is no parameter.
            try scene.expect(2, "--tenant", "a", "run", "--id", "pay", "--set", "who=a", "--set", "tenant=b")
            try scene.expect(
                2, "--tenant", "a", "run", "--id", "own", "--sql",
                "UPDATE accounts SET balance = 0 WHERE tenant_id = :tenant", "--set", "tenant=b")
            #expect(try scene.sql("SELECT sum(balance) FROM accounts WHERE tenant_id = 'b'") == "70")
        }
    }

    @Test func aCursorThatLeavesTheTenantStopsAtTheChunk() throws {
        let job = """
            steps:
              - id: walk
                for_each: SELECT id FROM accounts ORDER BY id
                chunk: 2
                sql: UPDATE accounts SET balance = balance + 1 WHERE id = :id
            """
        try TenantScene.with(jobs: ["walk": job, "strict": job + "\non_failure: rollback"]) { scene in
            try scene.begin()
            let before = try scene.dump()
            let result = try scene.expect(.otherTenant, "--tenant", "a", "run", "--id", "walk")
            #expect(result.err.contains("table accounts, row 3:"), "\(result.err)")
            #expect(try scene.sql("SELECT group_concat(balance) FROM accounts") == "12,22,30,40,50")
            try scene.expect(.otherTenant, "--tenant", "a", "resume", "--id", "walk.1")
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "walk.1")
            #expect(try scene.dump() == before)
            try scene.expectRefused(["--tenant", "a", "run", "--id", "strict"])
        }
    }

    @Test(arguments: [
        "UPDATE batchmgr_batches SET tenant = 'b'", "DELETE FROM batchmgr_audit",
        "INSERT INTO batchmgr_meta VALUES('policy', '{}')",
        "DROP TABLE batchmgr_undo", "CREATE TRIGGER t AFTER INSERT ON batchmgr_audit BEGIN SELECT 1; END",
        "ATTACH 'app.db' AS other", "PRAGMA writable_schema=ON",
    ])
    func theLedgerIsNobodysToWrite(_ sql: String) throws {
        try TenantScene.with { scene in
            try scene.begin()
            for tenant in [["--tenant", "a"], []] {
                try scene.expectRefused(tenant + ["run", "--id", "attack", "--sql", sql], with: .forbiddenStatement)
            }
        }
    }

    @Test func withoutATenantTheTablesOfTenantsAreClosed() throws {
        try TenantScene.with { scene in
            try scene.begin()
            try scene.expectRefused(["run", "--id", "all", "--sql", "UPDATE accounts SET balance = 0"])
            try scene.expectRefused(["run", "--id", "drop", "--sql", "DROP TABLE accounts"])
            try scene.expectRefused(["run", "--id", "lose", "--sql", "ALTER TABLE loose DROP COLUMN tenant_id"])
            for trick in [
                "UPDATE accounts SET balance = 0; ALTER TABLE accounts RENAME TO old; CREATE TABLE accounts(id, tenant_id)",
                "ALTER TABLE accounts RENAME TO old; UPDATE old SET balance = 0; CREATE TABLE accounts(id, tenant_id)",
                "CREATE TABLE x(id); DROP TABLE x; ALTER TABLE accounts RENAME TO x; UPDATE x SET balance = 0",
                "CREATE TABLE x(id); ALTER TABLE x RENAME TO y; ALTER TABLE accounts RENAME TO x; DELETE FROM x",
            ] {
                try scene.expectRefused(["run", "--id", "trick", "--sql", trick], note: trick)
            }
            try scene.expect(
                0, "run", "--id", "make", "--sql",
                "CREATE TABLE made(id, tenant_id); INSERT INTO made SELECT id, tenant_id FROM accounts; "
                    + "UPDATE made SET id = 0; ALTER TABLE made RENAME TO ready; INSERT INTO ready VALUES(9, 'b')")
            try scene.expect(0, "rollback", "--id", "make.1")
            try scene.expect(
                0, "run", "--id", "more", "--sql", "ALTER TABLE loose ADD COLUMN more; ALTER TABLE loose RENAME TO lax")
            try scene.expect(0, "rollback", "--id", "more.1")
        }
    }

    @Test func sharedTablesAreOpenToThoseWhoSaySo() throws {
        let job = """
            shared_tables: [RATES, words]
            steps:
              - id: all
                sql: |
                  UPDATE rates SET factor = factor * 2;
                  INSERT INTO words(note) VALUES('both');
                  UPDATE accounts SET balance = 1 WHERE tenant_id = :tenant
            """
        let wrong = "shared_tables: [ratse]\nsteps:\n  - {id: x, sql: SELECT 1}\n"
        let own = "shared_tables: [accounts]\nsteps:\n  - {id: x, sql: SELECT 1}\n"
        try TenantScene.with(jobs: ["all": job, "wrong": wrong, "own": own]) { scene in
            let before = try scene.dump()
            try scene.expect(0, "--tenant", "a", "run", "--id", "all")
            try scene.expect(
                0, "run", "--id", "rate", "--sql", "UPDATE rates SET factor = 9; INSERT INTO log(what) VALUES(1)",
                "--shared-table", "rates", "--shared-table", "log")
            try scene.expect(0, "rollback", "--id", "rate.1")
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "all.1")
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "rollback.2")
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "rollback.3")
            #expect(try scene.dump() == before)
            let misspelt = try scene.expect(.invalidCatalog, "--tenant", "a", "run", "--id", "wrong")
            #expect(misspelt.err.contains("did you mean 'rates'?"))
            let taken = try scene.expect(.invalidCatalog, "--tenant", "a", "run", "--id", "own")
            #expect(taken.err.contains("'accounts' is not shared: it has the column tenant_id"))
        }
    }

    /// `--db` needs no workspace, and is no way around it.
    @Test func theRulesHoldWithoutTheWorkspace() throws {
        try TenantScene.with { scene in
            try scene.begin()
            let attack = ["run", "--id", "attack", "--sql", "UPDATE accounts SET balance = 0"]
            try scene.expectRefused(["--db", "app.db"] + attack)
            try scene.expectRefused(["--db", "app.db", "--tenant", "b"] + attack)
        }
    }

    /// The same key, and the same job, mean something else for each tenant.
    @Test func keysAndNeedsAreOfOneTenant() throws {
        let steps = "steps:\n  - {id: x, sql: UPDATE accounts SET balance = balance + 1 WHERE tenant_id = :tenant}\n"
        try TenantScene.with(jobs: ["load": steps, "after": "needs: [load]\n" + steps]) { scene in
            try scene.expect(0, "--tenant", "b", "run", "--id", "load", "--key", "k")
            let other = try scene.expect(.wrongState, "--tenant", "a", "run", "--id", "after")
            #expect(other.err.contains("needs a committed batch of load"))
            for _ in 1...2 { try scene.expect(0, "--tenant", "a", "run", "--id", "load", "--key", "k") }
            try scene.expect(0, "--tenant", "a", "run", "--id", "after")
            #expect(try scene.sql("SELECT group_concat(balance) FROM accounts") == "12,22,31,41,50")
        }
    }
}
