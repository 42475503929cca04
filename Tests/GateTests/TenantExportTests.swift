import BatchCore
import TestSupport
import Testing

/// An export for one tenant holds its rows alone.
@Suite struct TenantExportTests {
    static func job(_ query: String, before: String = "SELECT 1") -> [String: String] {
        [
            "out": """
            steps:
              - {id: first, sql: "\(before)"}
              - id: write
                export: {query: "\(query)", file: out.csv}
            """
        ]
    }

    @Test(arguments: [
        ("SELECT * FROM accounts", 2), ("SELECT code FROM accounts WHERE tenant_id = 'b'", 0),
        ("SELECT a.code FROM accounts a JOIN moves m ON m.account = a.id", 1), ("SELECT count(*) FROM Accounts", 1),
        ("WITH x AS (SELECT * FROM accounts) SELECT * FROM x", 2),
        ("SELECT v FROM nocase WHERE tenant_id = :tenant", 1),
        ("SELECT v FROM loose", 1), ("WITH x AS (SELECT count(*) FROM accounts) SELECT * FROM x", 1),
        ("SELECT * FROM rates", 1), ("SELECT value FROM json_each('[1, 2]')", 2),
        ("SELECT (SELECT max(balance) FROM accounts) FROM rates", 1), ("SELECT * FROM all_accounts", 2),
        ("WITH accounts AS (SELECT 1 AS one) SELECT * FROM accounts", 1),
        ("WITH x AS (SELECT code FROM accounts), y AS (SELECT 1) SELECT count(*) FROM x, y", 1),
    ])
    func ownRowsAreWritten(_ query: String, _ rows: Int) throws {
        try TenantScene.with(jobs: Self.job(query)) { scene in
            try scene.expect(0, "--tenant", "a", "run", "--id", "out")
            let lines = try scene.shell("cat out.csv").out.split(separator: "\r\n")
            #expect(lines.count == rows + 1, "\(lines)")
            #expect(!lines.contains { $0.contains("wasp") || $0.contains("blob") || $0.contains("BIG") }, "\(lines)")
            // The views are gone.
            try scene.expect(
                0, "--tenant", "a", "run", "--id", "more", "--sql", "UPDATE accounts SET balance = 7 WHERE id = 1")
        }
    }

    /// Views are made of the tenant's rows alone, so what they add up is the tenant's own.
    @Test(arguments: [
        ("SELECT count(*) AS n FROM all_accounts", "\"n\"\r\n2\r\n"),
        ("SELECT sum(balance) AS n FROM all_accounts", "\"n\"\r\n30\r\n"),
        ("SELECT n FROM totals", "\"n\"\r\n30\r\n"), ("SELECT n FROM nested", "\"n\"\r\n2\r\n"),
    ])
    func viewsSeeOwnRows(_ query: String, _ file: String) throws {
        try TenantScene.with(jobs: Self.job(query)) { scene in
            try scene.sql(
                "CREATE VIEW totals AS SELECT sum(balance) AS n FROM accounts; "
                    + "CREATE VIEW nested AS WITH x AS (SELECT count(*) AS n FROM all_accounts) SELECT n FROM x")
            try scene.expect(0, "--tenant", "a", "run", "--id", "out")
            let out = try scene.shell("cat out.csv").out
            #expect(out == file)
        }
    }

    @Test(arguments: [
        ("SELECT * FROM main.accounts", "SELECT 1"), ("SELECT count(*) FROM main.accounts", "SELECT 1"),
        ("SELECT * FROM main.all_accounts", "SELECT 1"), ("SELECT * FROM words", "SELECT 1"),
        ("SELECT * FROM words WHERE words MATCH 'one'", "SELECT 1"), ("SELECT * FROM words_content", "SELECT 1"),
        ("SELECT * FROM places", "SELECT 1"),
        ("WITH accounts AS (SELECT * FROM main.accounts) SELECT * FROM accounts", "SELECT 1"),
        ("WITH batchmgr_guard_x AS (SELECT * FROM main.accounts) SELECT * FROM batchmgr_guard_x", "SELECT 1"),
        ("WITH x AS (SELECT count(*) FROM main.accounts) SELECT * FROM x", "SELECT 1"),
        ("WITH x AS (SELECT 1 FROM main.all_accounts) SELECT count(*) FROM x", "SELECT 1"),
        ("SELECT name FROM temp.sqlite_schema", "SELECT 1"),
        ("WITH accounts(a) AS MATERIALIZED (SELECT code FROM main.accounts) SELECT * FROM accounts", "SELECT 1"),
        ("WITH [Accounts] AS (SELECT * FROM main.accounts) SELECT * FROM accounts", "SELECT 1"),
        ("WITH 'accounts' AS (SELECT * FROM main.accounts) SELECT * FROM accounts", "SELECT 1"),
        ("SELECT * FROM (SELECT * FROM main.accounts) AS accounts", "SELECT 1"),
        ("SELECT (SELECT code FROM main.accounts WHERE id = 3)", "SELECT 1"),
        ("SELECT data FROM batchmgr_undo", "SELECT 1"), ("SELECT * FROM batchmgr_batches", "SELECT 1"),
        ("SELECT * FROM sqlite_sequence", "SELECT 1"), ("SELECT * FROM dbstat", "SELECT 1"),
        ("SELECT count(*) FROM kept", "CREATE TEMP TABLE kept AS SELECT * FROM accounts"),
        ("SELECT count(*) FROM main.all_accounts", "SELECT 1"), ("SELECT count(*) FROM words", "SELECT 1"),
        ("SELECT * FROM counted", "CREATE TEMP VIEW counted AS SELECT count(*) FROM main.accounts"),
        ("SELECT * FROM kept", "CREATE TEMP TABLE kept AS SELECT * FROM accounts"),
        ("SELECT * FROM seen", "CREATE TEMP VIEW seen AS SELECT * FROM main.accounts"),
        (
            "SELECT * FROM seen",
            "CREATE TEMP VIEW seen AS WITH accounts AS (SELECT * FROM main.accounts) SELECT * FROM accounts"
        ),
    ])
    func aWayAroundIsRefused(_ query: String, _ before: String) throws {
        try TenantScene.with(jobs: Self.job(query, before: before)) { scene in
            try scene.begin()
            try scene.expectRefused(["--tenant", "a", "run", "--id", "out"], with: .forbiddenStatement)
            #expect(!scene.has("out.csv"))
        }
    }

    @Test func aTableThatPassesForTheViewIsRefused() throws {
        let before = "CREATE TEMP TABLE accounts AS SELECT * FROM main.accounts"
        try TenantScene.with(jobs: Self.job("SELECT * FROM accounts", before: before)) { scene in
            let result = try scene.tool("--tenant", "a", "run", "--id", "out")
            #expect(result.code != 0, "\(result.out)")
            #expect(!scene.has("out.csv"))
        }
    }
}
