import BatchCore
import TestSupport
import Testing

/// `remove` and `forget-copies`.
@Suite struct RemovalTests {
    @Test(arguments: ["off", "track", "enforce"]) func nothingButTheDataIsLeft(_ mode: String) throws {
        try SampleDatabase.withBatches { database in
            #expect(try database.tool("guard", "set", "--mode", mode).code == 0)
            try database.shell(
                "echo mine > \"$BACKUPS\"/batch_notes.txt; sqlite3 \"$DB\" 'CREATE TABLE batchmgr_of_mine(a)'")
            let before = try database.dump()
            let files = "cd \"$(dirname \"$DB\")\" && find . -type f ! -name 'app.db*' | sort"
            let all = try database.shell(files).out
            let plan = try database.tool("remove", "--dry-run", "--all")
            #expect(plan.code == 0, "\(plan.err)")
            for word in ["ledger", "history.git", "batch_reprice.1_", "control.db", "batchmgr_of_mine"] {
                #expect(plan.out.contains(word), "\(word): \(plan.out)")
            }
            #expect(plan.out.contains("guard") == (mode != "off"), "\(plan.out)")
            #expect(try database.shell(files).out == all)
            // Nobody can answer here.
            #expect(try database.tool("remove").code == 2)
            let done = try database.tool("remove", "--yes")
            #expect(done.code == 0, "\(done.err)")
            #expect(done.out.contains("your data is as it was"), "\(done.out)")
            #expect(try database.shell(files).out == "./backups/batch_manager/batch_notes.txt\n")
            let left = try database.shell(
                "sqlite3 \"$DB\" \"SELECT name FROM sqlite_schema WHERE name LIKE 'batchmgr%'\"")
            #expect(left.out == "batchmgr_of_mine\n")
            #expect(try database.dump() == before)
            #expect(try database.tool("remove", "--yes").out.contains("holds nothing of batchmgr"))
            #expect(try database.tool("run", "--id", "anew", "--sql", "DELETE FROM rates").code == 0)
            #expect(try database.tool("verify").code == 0)
        }
    }

    /// Whichever of them came first: git's HEAD names a branch of the first one.
    @Test(arguments: [("one", "two"), ("two", "one")])
    func whatAnotherDatabaseKeepsInTheFolderStays(_ kept: String, _ removed: String) throws {
        try TemporaryFolder.with { folder in
            func sh(_ line: String) throws -> BuiltTool.Result {
                try BuiltTool.shell("cd \(Shell.quote(folder)) || exit 99\n\(line)")
            }
            let made = try sh(
                """
                for name in one two; do
                    sqlite3 $name.db 'CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, 2)'
                    "$TOOL" --db $name.db run --id $name --sql 'UPDATE t SET b = 3' -q || exit 1
                done
                "$TOOL" --db \(removed).db remove --yes
                """)
            try #require(made.code == 0, "\(made.out)\(made.err)")
            #expect(made.out.contains("\(kept).db"), "\(made.out)")
            let git = "git --git-dir backups/batch_manager/history.git"
            let refs = try sh("\(git) for-each-ref --format='%(refname)'").out
            let tags = kept == "one" ? "" : "two.db/"
            #expect(refs == "refs/heads/\(kept).db\nrefs/tags/\(tags)batch/\(kept).1\n")
            #expect(try sh("\(git) log --format=%s | wc -l").out != "0\n")
            #expect(try sh("ls backups/batch_manager/*.bak | wc -l").out == "1\n")
            for line in ["verify", "drill", "rollback \(kept).1"] {
                let result = try sh("\"$TOOL\" --db \(kept).db \(line)")
                #expect(result.code == 0, "\(line): \(result.out)\(result.err)")
            }
        }
    }

    @Test(arguments: ["rm -r \"$BACKUPS\"", "rm -r \"$BACKUPS\"/history.git", "rm \"$BACKUPS\"/*.bak"])
    func lostCopiesAreForgotten(_ loss: String) throws {
        try SampleDatabase.withBatches { database in
            try database.shell(loss)
            #expect(try database.tool("verify").code == 6)
            let plan = try database.tool("forget-copies", "--dry-run")
            #expect(plan.out.contains("would be forgotten"), "\(plan.out)")
            #expect(try database.tool("verify").code == 6)
            #expect(try database.tool("forget-copies", "--no-input").code == 2)
            let done = try database.tool("forget-copies", "--yes")
            #expect(done.code == 0, "\(done.err)")
            let verified = try database.tool("verify")
            #expect(verified.code == 0, "\(verified.out)")
            #expect(try database.tool("audit", "list").out.contains("forget-copies"))
            // The undo log is not a copy.
            #expect(try database.tool("rollback", "close").code == 0)
            for verb in ["verify", "drill"] {
                let result = try database.tool(verb)
                #expect(result.code == 0, "\(verb): \(result.out)\(result.err)")
            }
            #expect(try database.tool("forget-copies", "--yes").out == "no copy is lost\n")
        }
    }
}
