import BatchCore
import TestSupport
import Testing

/// What is done for one tenant never shows or touches the rows of another.
@Suite struct TenantViewTests {
    /// `a` and `b` have a batch each on the same tables, and one that all share.
    static func with(_ body: (BadLuckScene) throws -> Void) throws {
        try TenantScene.with { scene in
            for tenant in ["a", "b"] {
                try scene.expect(
                    0, "--tenant", tenant, "run", "--id", "raise_\(tenant)", "--sql",
                    "UPDATE accounts SET balance = balance + 1 WHERE tenant_id = :tenant; "
                        + "INSERT INTO moves(tenant_id, note) VALUES(:tenant, 'secret of ' || :tenant)")
            }
            try body(scene)
        }
    }

    @Test(arguments: [
        ["list"], ["list", "--json"], ["points"], ["points", "--json"], ["show", "--id", "raise_a.1"],
        ["graph", "--id", "raise_a.1"], ["diff", "--id", "raise_a.1"], ["diff", "raise_a.1^", "raise_b.1"],
        ["diff", "raise_a.1^", "raise_b.1", "--sql"], ["diff", "raise_a.1^", "raise_b.1", "--stat", "--json"],
        ["diff", "--id", "raise_a.1", "--table", "words_content"],
        ["blame", "--table", "accounts", "--key", "1"], ["drift", "show"], ["guard", "show"],
        ["rows", "accounts", "--at", "raise_a.1", "--all"], ["rows", "accounts", "--json"],
    ])
    func nothingOfAnotherTenantIsShown(_ words: [String]) throws {
        try Self.with { scene in
            try scene.sql("UPDATE accounts SET code = code || '-drift'")
            let result = try scene.expect(0, ["--tenant", "a"] + words)
            for secret in ["raise_b", "secret of b", "wasp1", "wasp2", "BIG1", "one of b"] {
                #expect(!result.out.contains(secret), "\(words): \(result.out)")
            }
        }
    }

    /// The lease is held by a living process, for the batch of another tenant or its own.
    @Test(arguments: [
        ["run", "--id", "x", "--sql", "SELECT 1"], ["run", "--id", "x", "--sql", "SELECT 1", "--dry-run"],
        ["rollback", "--id", "raise_a.1"], ["doctor", "--fast"],
    ])
    func aBatchOfAnotherTenantThatIsRunningIsNotNamed(_ words: [String]) throws {
        try Self.with { scene in
            func answer(_ tenant: String, holding batch: String) throws -> String {
                let result = try scene.shell(
                    """
                    sleep 60 & started=$(cut -d' ' -f22 /proc/$!/stat)
                    sqlite3 app.db "UPDATE batchmgr_lease SET process = $!, started = '$started', kind = 'run', batch = '\(batch)'"
                    "$TOOL" --tenant \(tenant) \(words.map(Shell.quote).joined(separator: " ")) 2>&1; kill $!
                    """)
                return result.out
            }
            let hidden = try answer("a", holding: "raise_b.1")
            #expect(hidden.contains("another batch"), "\(hidden)")
            #expect(!hidden.contains("raise_b"), "\(hidden)")
            let own = try answer("b", holding: "raise_b.1")
            #expect(own.contains("raise_b.1") || words[0] == "rollback", "\(own)")
        }
    }

    @Test func theRowsOfATenantAreShown() throws {
        try Self.with { scene in
            let both = try scene.json("diff", "raise_a.1^", "raise_b.1")["changes"]?.array
            let own = try scene.json("--tenant", "a", "diff", "raise_a.1^", "raise_b.1")["changes"]?.array
            #expect(both?.count == 6 && own?.count == 3)
            #expect(
                try scene.expect(0, "--tenant", "a", "blame", "--table", "accounts", "--key", "1").out.contains(
                    "raise_a.1"))
        }
    }

    @Test(arguments: [
        ["show", "--id", "raise_b.1"], ["graph", "--id", "raise_b.1"], ["diff", "--id", "raise_b.1"],
        ["rollback", "--id", "raise_b.1"], ["resume", "--id", "raise_b.1"], ["stop", "--id", "raise_b"],
        ["rollback", "--id", "raise_b", "--mode", "cascade"], ["verify", "--id", "raise_b.1"],
    ])
    func aBatchOfAnotherTenantIsNotThere(_ words: [String]) throws {
        try Self.with { scene in
            let before = try scene.dump()
            let result = try scene.expect(.unknownBatch, from: ["--tenant", "a"] + words)
            #expect(!result.err.contains("did you mean 'raise_b"), "\(result.err)")
            #expect(try scene.dump() == before)
        }
    }

    @Test(arguments: [["3"], ["4"]])
    func blameKnowsNoRowOfAnotherTenant(_ key: [String]) throws {
        try Self.with { scene in
            let missing = try scene.tool("--tenant", "a", "blame", "--table", "accounts", "--key", "777")
            let foreign = try scene.tool(["--tenant", "a", "blame", "--table", "accounts", "--key"] + key)
            #expect(foreign.code == 2)
            #expect(foreign.err == missing.err.replacing("777", with: key[0]))
            try scene.sql("DELETE FROM accounts WHERE id = \(key[0])")
            #expect(try scene.tool(["--tenant", "a", "blame", "--table", "accounts", "--key"] + key).code == 2)
            // The place of a row that was another's.
            try scene.expect(
                0, "--tenant", "a", "run", "--id", "take", "--sql",
                "INSERT INTO accounts VALUES(\(key[0]), 'a', 'n', 1)")
            let taken = try scene.expect(0, ["--json", "--tenant", "a", "blame", "--table", "accounts", "--key"] + key)
            // A balance of another tenant; a bare 40 is in the time now and then.
            #expect(taken.out.contains("take.1") && !taken.out.contains("wasp") && !taken.out.contains(":40,"))
        }
    }

    @Test(arguments: [
        ["erase", "--table", "accounts", "--where", "1", "--yes"], ["drift", "adopt"], ["drift", "undo"],
        ["guard", "set", "--mode", "off"], ["prune", "--keep-last", "1", "--yes"], ["drill"], ["history", "compact"],
    ])
    func whatWorksOnAllRowsIsNotForOneTenant(_ words: [String]) throws {
        try Self.with { scene in try scene.expectRefused(["--tenant", "a"] + words) }
    }

    // MARK: Restore

    @Test(arguments: [["--in-place"], ["--table", "accounts"], ["--table", "accounts", "--where", "balance > 0"]])
    func aRestoreBringsBackTheRowsOfTheTenantAlone(_ target: [String]) throws {
        try Self.with { scene in
            try scene.expect(0, ["--tenant", "a", "restore", "--point", "raise_a.1^"] + target)
            #expect(try scene.sql("SELECT group_concat(balance) FROM accounts") == "10,20,31,41,50")
            let batch = try scene.sql("SELECT batch, tenant FROM batchmgr_batches ORDER BY seq DESC LIMIT 1")
            #expect(batch == "restore.1|a")
            let notes = target == ["--in-place"] ? "secret of b" : "secret of a,secret of b"
            #expect(try scene.sql("SELECT group_concat(note) FROM moves WHERE note LIKE 'secret%'") == notes)
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "restore.1")
            #expect(try scene.sql("SELECT group_concat(balance) FROM accounts") == "11,21,31,41,50")
            try scene.expectWhole("\(target)")
        }
    }

    @Test func aSharedTableIsNotRestoredForOneTenant() throws {
        try Self.with { scene in
            try scene.expectRefused(["--tenant", "a", "restore", "--point", "raise_a.1^", "--table", "rates"])
        }
    }

    /// A row that has gone to another tenant since is not taken back.
    @Test func aRestoreTakesNoRowFromAnotherTenant() throws {
        try Self.with { scene in
            try scene.sql("UPDATE accounts SET tenant_id = 'b' WHERE id = 1")
            try scene.expectRefused(["--tenant", "a", "restore", "--point", "raise_a.1^", "--table", "accounts"])
        }
    }

    @Test(arguments: ["bak", "git"])
    func aRestoredFileHoldsTheRowsOfTheTenantAlone(_ source: String) throws {
        try Self.with { scene in
            let words = ["restore", "--point", "raise_b.1", "--source", source, "--to", "own.db"]
            let result = try scene.expect(0, ["--tenant", "a"] + words)
            #expect(result.out.contains("rows of tenant a"), "\(result.out)")
            for table in ["accounts", "moves", "nocase", "loose"] {
                let own = "SELECT group_concat(quote(tenant_id)) FROM (SELECT DISTINCT tenant_id FROM \(table))"
                #expect(try scene.sql(own, in: "own.db") == "'a'", "\(table)")
            }
            #expect(try scene.sql("SELECT * FROM rates", in: "own.db") == "eur|1.0")
            for secret in ["secret of b", "one of b", "wasp1b", "blob a"] {
                #expect(try scene.shell("grep -c -a '\(secret)' own.db").out == "0\n", "\(secret)")
            }
            #expect(try scene.sql("PRAGMA integrity_check", in: "own.db") == "ok")
        }
    }

    // MARK: Rollback

    @Test func aCascadeIntoAnotherTenantIsRefused() throws {
        try TenantScene.with { scene in
            try scene.expect(
                0, "--tenant", "a", "run", "--id", "rate", "--sql",
                "UPDATE rates SET factor = 2; UPDATE accounts SET balance = 1 WHERE tenant_id = :tenant",
                "--shared-table", "rates")
            try scene.expect(
                0, "--tenant", "b", "run", "--id", "other", "--sql", "UPDATE rates SET factor = 3", "--shared-table",
                "rates")
            for mode in ["restrict", "cascade", "replay"] {
                let words = ["--tenant", "a", "rollback", "--id", "rate.1", "--mode", mode]
                try scene.expectRefused(words)
                let result = try scene.tool(words)
                #expect(result.err.contains("1 later batch of other tenants") && !result.err.contains("other.1"))
            }
            #expect(!(try scene.expect(0, "--tenant", "a", "show", "--id", "rate.1").out.contains("other.1")))
            try scene.expect(0, "rollback", "--id", "rate.1", "--mode", "cascade")
            #expect(try scene.sql("SELECT factor FROM rates") == "1.0")
            try scene.expectWhole("after the cascade")
        }
    }

    @Test func aTenantsRollbackAndReplayStayWithIt() throws {
        try Self.with { scene in
            try scene.expect(
                0, "--tenant", "a", "run", "--id", "again", "--sql",
                "UPDATE accounts SET balance = balance * 2 WHERE tenant_id = :tenant")
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "raise_a.1", "--mode", "replay")
            #expect(try scene.sql("SELECT group_concat(balance) FROM accounts") == "20,40,31,41,50")
            try scene.expectWhole("after the replay")
        }
    }

    /// Somebody moved a row to another tenant behind the back of the tool: an undo does not follow it there.
    @Test func anUndoTakesNoRowFromAnotherTenant() throws {
        try Self.with { scene in
            try scene.sql("UPDATE accounts SET tenant_id = 'b' WHERE id = 1")
            try scene.expectRefused(["--tenant", "a", "rollback", "--id", "raise_a.1", "--on-conflict", "overwrite"])
        }
    }

    // MARK: History

    @Test func gitKeepsTheTenantsApart() throws {
        try Self.with { scene in
            let tree = try scene.shell("git --git-dir backups/batch_manager/history.git ls-tree -r --name-only main")
                .out
            #expect(tree.contains("tenants/a/tables/accounts/") && tree.contains("tenants/b/tables/accounts/"))
            #expect(tree.contains("shared/tables/rates/"))
            let changed = try scene.shell(
                "git --git-dir backups/batch_manager/history.git diff --name-only 'batch/raise_b.1^' batch/raise_b.1"
            ).out
            #expect(!changed.contains("tenants/a/") && changed.contains("tenants/b/"))
            // Whole again from git alone.
            let now = try scene.dump()
            try scene.expect(0, "restore", "--point", "raise_b.1", "--source", "git", "--to", "whole.db")
            #expect(try scene.dump("whole.db") == now)
            let log = try scene.shell("git --git-dir backups/batch_manager/history.git log --format=%B -2 main").out
            #expect(log.contains("Tenant: a") && log.contains("Tenant: b"))
        }
    }
}
