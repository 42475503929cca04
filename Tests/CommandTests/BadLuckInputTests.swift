import BatchCore
import Glibc
import TestSupport
import Testing

/// Files that are not what they should be, and disks that are full.
@Suite struct BadLuckInputTests {
    private static let update = ["run", "--id", "a", "--sql", "UPDATE items SET qty = 0"]

    @Test func whatIsNoDatabaseIsSaid() throws {
        try BadLuckScene.with { scene in
            try scene.write("junk.db", String(repeating: "this is no database ", count: 100))
            let cases: [(String, ErrorCode)] = [
                ("junk.db", .notADatabase), ("missing.db", .fileMissing), ("missing/a.db", .fileMissing),
                ("catalog", .notADatabase),
            ]
            for (path, code) in cases {
                for words in [BadLuckInputTests.update, ["list"], ["rollback", "--id", "a"], ["verify"]] {
                    let result = try scene.expect(code.exitCode.rawValue, ["--db", path] + words, note: path)
                    #expect(result.err.contains("error: \(code.rawValue): "), "\(result.err)")
                    #expect(result.err.contains(path), "\(result.err)")
                    #expect(result.err.contains("\nhint: "))
                }
            }
            #expect(try scene.shell("cat junk.db").out.hasPrefix("this is no database"))
            #expect(!scene.has("missing.db") && !scene.has("missing"))
        }
    }

    /// SQLite only says "disk I/O error".
    @Test func aLimitOnTheSizeOfFilesIsNamed() throws {
        try BadLuckScene.with { scene in
            let rows = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 90000)"
            let result = try scene.shell(
                "ulimit -f 2000; exec \"$TOOL\" run --id a --sql \"INSERT INTO log(what) \(rows) SELECT hex(randomblob(20)) FROM c\""
            )
            #expect(result.code == 1 && result.err.contains("error: ERR_PERF_LIMIT: "), "\(result.err)")
            #expect(result.err.contains("hint: raise the limit, then try again: ulimit -f unlimited"), "\(result.err)")
            try scene.expect(0, BadLuckInputTests.update)
            try scene.expectWhole("after the limit")
        }
    }

    @Test func anEmptyFileIsAnEmptyDatabase() throws {
        try BadLuckScene.with { scene in
            try scene.write("empty.db", "")
            try scene.expect(0, "--db", "empty.db", "list")
            try scene.expect(
                0, "--db", "empty.db", "run", "--id", "a", "--sql", "CREATE TABLE t(x); INSERT INTO t VALUES(1)")
            try scene.expect(0, "--db", "empty.db", "rollback", "--id", "a")
            #expect(try scene.dump("empty.db").contains("CREATE TABLE t") == false)
            try scene.expect(0, "--db", "empty.db", "verify")
        }
    }

    @Test(arguments: ["before the first batch", "after a batch"])
    func aCorruptPageIsFoundAndNothingIsWritten(moment: String) throws {
        try BadLuckScene.with { scene in
            if moment == "after a batch" {
                try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 9")
            }
            let page = try scene.sql("SELECT rootpage FROM sqlite_schema WHERE name = 'items'")
            let damage = "head -c 64 /dev/zero | tr '\\0' '\\377' | dd of=app.db bs=1 conv=notrunc"
            try scene.shell("\(damage) seek=$(( (\(page) - 1) * 4096 )) 2> /dev/null; cp app.db damaged.db")
            try scene.expect(.corruptDatabase, "run", "--id", "a", "--sql", "UPDATE items SET qty = 0")
            try scene.expect(6, "verify")
            try scene.shell("cmp app.db damaged.db")
        }
    }

    @Test func mistakesInFilesOfTheWorkspaceAreSaidWithTheirPlace() throws {
        let jobs = [
            "one": "needs: [two]\nsteps:\n  - {id: a, sql: SELECT 1}",
            "two": "needs: [one]\nsteps:\n  - {id: a, sql: SELECT 1}",
        ]
        try BadLuckScene.with(jobs: jobs) { scene in
            let cycle = try scene.expect(.invalidCatalog, "run", "--id", "one")
            #expect(cycle.err.contains("one → two → one") || cycle.err.contains("two → one → two"))
            try scene.shell("rm catalog/one.yaml catalog/two.yaml")
            try scene.write("catalog/bad.yaml", "id: bad\nversion: 1.0.0\nstepps: []\n")
            #expect(try scene.expect(.invalidCatalog, "run", "--id", "bad").err.contains("bad.yaml:3:1"))
            try scene.write("batchmgr.yaml", "databases: {main: {path: app.db}}\nbackup: there\n")
            let result = try scene.expect(.invalidConfiguration, "run", "--id", "multi")
            #expect(result.err.contains("batchmgr.yaml:2:1"))
            #expect(result.err.contains("backups"))
            #expect(try !scene.hasLedger())
        }
    }

    /// Root may write anything, so somebody else has to try.
    @Test(.enabled(if: getuid() == 0), arguments: ["chmod a-w app.db", "chmod a-w ."])
    func whatMayNotBeWrittenIsSaid(how: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 9")
            // The tool may be in a folder that is closed to others.
            try scene.shell("cp \"$TOOL\" tool; chmod 755 tool; chmod -R a+rwX .; \(how)")
            let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ./tool"
            let run = try scene.shell("\(nobody) run --id a --sql 'UPDATE items SET qty = 0'")
            #expect(run.code == ErrorCode.readOnly.exitCode.rawValue)
            #expect(
                run.err.contains("error: ERR_INTEGRATION_READ_ONLY: ") && run.err.contains("\nhint: "), "\(run.err)")
            #expect(try scene.shell("\(nobody) list").out.contains("b.1"))
            #expect(try scene.sql("SELECT sum(qty) FROM items") == "45")
            try scene.expectWhole(how)
        }
    }

    /// SQLite would make its `-shm` beside it, and may not.
    @Test(.enabled(if: getuid() == 0)) func doctorReadsADatabaseInWALModeOfSomebodyElse() throws {
        try BadLuckScene.with(journal: "wal") { scene in
            try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 9")
            try scene.shell("cp \"$TOOL\" tool; chmod -R a+rX-w .; chmod 755 tool .; rm -f app.db-wal app.db-shm")
            let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ./tool"
            for verb in ["doctor", "list", "show b.1", "points", "verify", "diff b.1"] {
                let result = try scene.shell("\(nobody) --db app.db \(verb)")
                #expect(result.code == 0, "\(verb): \(result.out)\(result.err)")
            }
        }
    }

    /// A program that cron starts for somebody else may have the HOME of root.
    @Test(.enabled(if: getuid() == 0)) func aHomeThatMayNotBeReadIsNotNeeded() throws {
        try BadLuckScene.with { scene in
            try scene.shell("cp \"$TOOL\" tool; chmod 755 tool; mkdir closed; chmod -R a+rwX .; chmod 700 closed")
            let nobody = "HOME=\"$PWD/closed\" setpriv --reuid=65534 --regid=65534 --clear-groups ./tool"
            for verb in ["run --id a --sql 'UPDATE items SET qty = 9'", "rollback a.1", "verify", "drill", "doctor"] {
                let result = try scene.shell("\(nobody) \(verb)")
                #expect(result.code == 0, "\(verb): \(result.out)\(result.err)")
            }
            let check = "setpriv --reuid=65534 --clear-groups git -C backups/batch_manager/history.git fsck"
            #expect(try scene.shell("HOME=\"$PWD\" \(check)").code == 0)
        }
    }

    /// Nobody's settings of git say what a restore point is.
    @Test func damagedSettingsOfGitAreNotReadEither() throws {
        try BadLuckScene.with { scene in
            try scene.shell("mkdir home; printf '[core\nbroken' > home/.gitconfig")
            let run = try scene.shell("HOME=\"$PWD/home\" \"$TOOL\" run --id a --sql 'UPDATE items SET qty = 9'")
            #expect(run.code == 0 && !run.err.contains("ERR_"), "\(run.out)\(run.err)")
            #expect(try scene.shell("\"$TOOL\" verify").code == 0)
        }
    }

    // MARK: Full disks

    /// A disk of its own, filled up before one command or another; the place is freed and the next command completes.
    @Test(
        .enabled(if: BadLuckInputTests.mayMount),
        arguments: [
            ["run", "--id", "more", "--sql", "UPDATE items SET note = hex(randomblob(400))"],
            ["rollback", "--id", "fill"], ["rollback", "--id", "fill", "--mode", "cascade"],
        ], [0, 4, 16, 64, 160, 400, 1_000])
    func aFullDiskLeavesTheLastCheckpoint(words: [String], kibibytes: Int) throws {
        try BadLuckScene.with { scene in
            try scene.shell(
                "mkdir disk && mount -t tmpfs -o size=8m tmpfs disk && cp -r app.db batchmgr.yaml catalog disk/")
            defer { _ = try? scene.shell("umount -l disk") }
            let disk = BadLuckScene(folder: scene.file("disk"))
            let fill = "ALTER TABLE items ADD COLUMN note; UPDATE items SET note = hex(randomblob(20000))"
            try disk.expect(0, "run", "--id", "fill", "--sql", fill)
            let before = try disk.dump()
            try disk.shell("cat /dev/zero > ballast 2> /dev/null; truncate -s -\(kibibytes)K ballast")
            let result = try disk.tool(words)
            try disk.shell("rm ballast")
            // The batch is committed, and a script must not run it again.
            if result.code == ExitCode.pointPending.rawValue {
                #expect(result.out.contains("is committed, do not run it again"), "\(result.out)")
            } else if result.code != 0 {
                #expect(result.err.contains("error: ERR_PERF_DISK_FULL: "), "\(result.err)")
                #expect(result.err.contains("\nhint: "))
                #expect(result.code == ErrorCode.diskFull.exitCode.rawValue)
                let isCommitted = result.err.contains("restore point is pending")
                if !isCommitted { #expect(try disk.dump() == before, "\(result.err)") }
            }
            try disk.expect(0, "list")
            try disk.expectWhole("with \(kibibytes) KiB: \(result.err)")
            try disk.expect(0, "run", "--id", "next", "--sql", "UPDATE items SET price = 7")
            try disk.expectWhole("after the next command")
        }
    }

    private static let mayMount: Bool = {
        let line = "d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs $d && umount $d; r=$?; rmdir $d; exit $r"
        return getuid() == 0 && (try? BuiltTool.shell(line).code) == 0
    }()
}
