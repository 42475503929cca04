import BatchCore
import TestSupport
import Testing

/// A file for each tenant: one ledger and one history each, opened on demand.
@Suite struct TenantFileTests {
    static func with(_ tenants: [String] = ["a", "b"], _ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            try scene.shell("rm app.db*; mkdir data")
            for tenant in tenants {
                try scene.sql(
                    "CREATE TABLE items(id INTEGER PRIMARY KEY, v); INSERT INTO items VALUES (1, '\(tenant)'), (2, 'x')",
                    in: "data/\(tenant).db")
            }
            try scene.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: \"data/{tenant}.db\"\n    tenancy: file\n")
            try body(scene)
        }
    }

    @Test func eachTenantHasALedgerAndAHistory() throws {
        try Self.with(["a", "b", "42"]) { scene in
            let before = try scene.dump("data/a.db")
            let other = try scene.dump("data/b.db")
            for tenant in ["a", "42", "a"] {
                try scene.expect(
                    0, "--tenant", tenant, "run", "--id", "raise", "--sql", "UPDATE items SET v = v || '!'")
            }
            #expect(try scene.dump("data/b.db") == other)
            #expect(try scene.json("--tenant", "a", "list")["batches"]?.array?.count == 2)
            #expect(try scene.json("--tenant", "42", "list")["batches"]?.array?.count == 1)
            #expect(try scene.json("--tenant", "b", "list")["batches"]?.array?.count == 0)
            for tenant in ["a", "42"] {
                try scene.expect(0, "--tenant", tenant, "verify")
                let git = "git --git-dir backups/batch_manager/tenants/\(tenant)/history.git"
                #expect(try scene.shell("\(git) branch --format='%(refname:short)'").out == "main/\(tenant)\n")
                #expect(try scene.shell("\(git) fsck --strict --full").code == 0)
            }
            // The same id means another batch for each of them.
            for tenant in ["42", "a"] {
                for source in ["bak", "git"] {
                    let file = "\(tenant)-\(source).db"
                    try scene.expect(
                        0, "--tenant", tenant, "restore", "--point", "raise.1", "--source", source, "--to", file)
                    #expect(try scene.sql("SELECT group_concat(v) FROM items", in: file) == "\(tenant)!,x!")
                }
            }
            try scene.expect(0, "--tenant", "a", "rollback", "--id", "raise.1", "--mode", "cascade")
            #expect(try scene.dump("data/a.db") == before)
        }
    }

    @Test func aFailedRunOfATenantLeavesItsAuditWhole() throws {
        try Self.with { scene in
            try scene.expect(.sql, "--tenant", "a", "run", "--id", "wrong", "--sql", "SELECT nothing")
            try scene.expect(0, "--tenant", "a", "verify")
            try scene.expect(0, "--tenant", "a", "run", "--id", "right", "--sql", "UPDATE items SET v = 'y'")
            try scene.expect(.sql, "--tenant", "a", "run", "--id", "wrong", "--sql", "SELECT nothing")
            try scene.expect(0, "--tenant", "a", "audit", "verify")
            try scene.expect(0, "--tenant", "a", "verify")
        }
    }

    @Test func withoutATenantThereIsNoFile() throws {
        try Self.with { scene in
            for words in [["list"], ["run", "--id", "x", "--sql", "DELETE FROM items"], ["show", "--id", "x.1"]] {
                let result = try scene.expect(.usage, from: words)
                #expect(result.err.contains("--tenant NAME"), "\(result.err)")
            }
        }
    }

    @Test(arguments: [
        "../a", "a/../b", "a/b", "/tmp/a", "..", ".", ".a", "a.", "a..b", "-a", "a b", "a;b", "a'b", "a\"b", "a\nb",
        "a%2fb",
        "{tenant}", "a?mode=memory", "file:a", "é", "a@b", "a.lock", "batchmgr*", String(repeating: "a", count: 65),
    ])
    func aNameWithTricksOpensNoFile(_ tenant: String) throws {
        try Self.with { scene in
            try scene.sql("CREATE TABLE items(id)", in: "a.db")
            // What was refused is audited and logged, beside the databases.
            let look = "find . -not -path './backups*' | sort"
            let before = try scene.shell(look).out
            for words in [
                ["run", "--id", "x", "--sql", "DELETE FROM items"], ["list"],
                ["restore", "--point", "x", "--to", "new.db"], ["rollback", "--id", "x"], ["doctor"],
            ] {
                try scene.expect(.otherTenant, from: ["--tenant", tenant] + words)
            }
            #expect(try scene.shell(look).out == before)
            #expect(try scene.shell("find backups -name '*.db' | grep -v control.db").out == "")
        }
    }

    /// Whatever leads there: a link to the file, to its folder, or a second name of it.
    @Test(arguments: [
        ("data/{tenant}.db", "ln -s a.db data/c.db"), ("data/{tenant}.db", "ln data/a.db data/c.db"),
        ("data/{tenant}.db", "ln -s ../data/./a.db data/c.db"),
        ("data/{tenant}/app.db", "mkdir data/a; mv data/a.db data/a/app.db; ln -s a data/c"),
    ])
    func noLinkLeadsToTheFileOfAnotherTenant(_ path: String, _ making: String) throws {
        try Self.with { scene in
            try scene.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: \"\(path)\"\n    tenancy: file\n")
            try scene.shell(making)
            for words in [
                ["list"], ["rows", "items"], ["run", "--id", "x", "--sql", "DELETE FROM items"],
                ["restore", "--point", "x.1", "--in-place"],
            ] {
                let result = try scene.expect(.otherTenant, from: ["--tenant", "c"] + words)
                #expect(!result.err.contains("data/a"), "\(result.err)")
            }
            try scene.shell("rm data/c*")
            try scene.expect(0, "--tenant", "a", "run", "--id", "x", "--sql", "UPDATE items SET v = 'mine'")
        }
    }

    /// A file may lie elsewhere, and the folder of all of them too.
    @Test func aLinkToAFileOfNobodyElseIsAllowed() throws {
        try Self.with { scene in
            try scene.shell(
                "mkdir disk; mv data/b.db disk/b.db; ln -s ../disk/b.db data/b.db; mv data real; ln -s real data")
            for tenant in ["a", "b"] {
                try scene.expect(0, "--tenant", tenant, "run", "--id", "x", "--sql", "UPDATE items SET v = '!'")
            }
            #expect(try scene.sql("SELECT v FROM items WHERE id = 1", in: "disk/b.db") == "!")
        }
    }

    @Test(arguments: [
        "  other: {path: \"other/{tenant}.db\", tenancy: file}\n", "  other: {path: data/a.db}\n",
        "  other: {path: other/../data/a.db}\n", "  other: {path: \"./data/{tenant}.db\", tenancy: file}\n",
    ])
    func oneFileIsOneDatabaseOfTheWorkspace(_ entry: String) throws {
        try Self.with { scene in
            try scene.shell("ln -s data other")
            try scene.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: \"data/{tenant}.db\"\n    tenancy: file\n" + entry)
            let tenants = entry.contains("{tenant}") ? ["--tenant", "a"] : []
            for words in [["--database", "other"] + tenants, ["--database", "main", "--tenant", "a"]] {
                let result = try scene.expect(.invalidConfiguration, from: words + ["rows", "items"])
                #expect(result.err.contains("main") && result.err.contains("other"), "\(result.err)")
            }
        }
    }

    /// A tenant whose name begins with a digit has a file like any other.
    @Test func everyTenantOfAFileIsKnown() throws {
        try Self.with(["a", "42", "b.c"]) { scene in
            let result = try scene.expect(.fileMissing, from: ["--tenant", "43", "list"])
            #expect(result.err.contains("did you mean '42'?"), "\(result.err)")
        }
    }

    @Test func aFileThatIsNoDatabaseIsAClearError() throws {
        try Self.with { scene in
            try scene.write("data/text.db", String(repeating: "this is no database. ", count: 100))
            try scene.write("data/empty.db", "")
            try scene.shell("mkdir data/folder.db")
            let before = try scene.shell("cat data/text.db | md5sum").out
            for (tenant, error) in [
                ("text", ErrorCode.notADatabase), ("folder", .notADatabase), ("nobody", .fileMissing),
            ] {
                for words in [["run", "--id", "x", "--sql", "SELECT 1"], ["list"], ["show", "--id", "x.1"]] {
                    let result = try scene.expect(error, from: ["--tenant", tenant] + words)
                    #expect(result.err.contains("data/\(tenant).db"), "\(result.err)")
                }
            }
            #expect(try scene.shell("cat data/text.db | md5sum").out == before)
            #expect(try scene.shell("ls data").out == "a.db\nb.db\nempty.db\nfolder.db\ntext.db\n")
            try scene.expect(0, "--tenant", "empty", "run", "--id", "x", "--sql", "CREATE TABLE t(id)")
        }
    }

    /// The database is lost; its copies are not.
    @Test func aLostFileComesBackFromItsCopies() throws {
        try Self.with { scene in
            for tenant in ["a", "b"] {
                try scene.expect(
                    0, "--tenant", tenant, "run", "--id", "raise", "--sql", "UPDATE items SET v = v || '!'")
            }
            let before = try scene.dump("data/b.db")
            try scene.shell("rm data/b.db*")
            try scene.expect(0, "--tenant", "b", "restore", "--point", "raise.1", "--to", "data/b.db")
            #expect(try scene.dump("data/b.db") == before)
        }
    }

    @Test func manyFilesAreIndependent() throws {
        try Self.with((1...60).map { "t\($0)" }) { scene in
            let run =
                "for i in $(seq 1 60); do \"$TOOL\" --quiet --tenant t$i run --id raise --sql \"UPDATE items SET v = $i WHERE id = 2\" >/dev/null || exit 1; done"
            let result = try scene.shell(run)
            #expect(result.code == 0, "\(result.err)")
            for tenant in ["t1", "t60"] {
                #expect(
                    try scene.sql("SELECT v FROM items WHERE id = 2", in: "data/\(tenant).db") == tenant.dropFirst())
            }
        }
    }

    // MARK: Setting up

    @Test func initMakesAWorkspaceOfFiles() throws {
        try BadLuckScene.with { scene in
            try scene.shell("rm -r batchmgr.yaml app.db* catalog; mkdir data")
            try scene.sql("CREATE TABLE items(id)", in: "data/a.db")
            try scene.expect(0, "init", "--database", "data/{tenant}.db", "--tenancy", "file")
            try scene.expect(0, "--tenant", "a", "run", "--id", "x", "--sql", "INSERT INTO items VALUES(1)")
        }
    }

    @Test func initNamesAColumnThatIsThere() throws {
        try BadLuckScene.with { scene in
            try scene.shell("rm -r batchmgr.yaml")
            let result = try scene.expect(
                .usage, from: ["init", "--database", "app.db", "--tenancy", "column", "--tenant-column", "prise"])
            #expect(result.err.contains("did you mean 'price'?"), "\(result.err)")
            #expect(!scene.has("batchmgr.yaml"))
            try scene.expect(0, "init", "--database", "app.db", "--tenancy", "column", "--tenant-column", "PRICE")
        }
    }
}
