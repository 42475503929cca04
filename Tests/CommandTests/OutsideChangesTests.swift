import BatchCore
import TestSupport
import Testing

/// What others write is kept as a batch of its own, and told; what changes nothing gets no restore point.
struct OutsideChangesTests {
    private static let drift = "the database was changed outside any batch; that change is kept as drift.1"

    @Test(arguments: ["off", "track"]) func aChangeFromOutsideIsKeptAndUndone(guardMode: String) throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            try scene.expect(0, "guard", "set", "--mode", guardMode)
            let before = try scene.dump()
            try scene.sql("UPDATE items SET qty = 99 WHERE id = 2; CREATE TABLE extra(x); INSERT INTO extra VALUES(1)")
            // Also where nothing else is printed: cron mails it.
            let run = try scene.expect(0, "run", "--id", "b", "--sql", "UPDATE items SET qty = 8 WHERE id = 1", "-q")
            #expect(run.err.contains(Self.drift), "\(run.err)")
            #expect(try scene.expect(0, "audit", "list").out.contains("drift adopt"))
            #expect(try scene.expect(0, "diff", "--id", "drift.1").out.contains("extra"))
            try scene.expect(0, "rollback", "--id", "b.1")
            try scene.expect(0, "rollback", "--id", "drift.1")
            #expect(try scene.dump() == before)
            try scene.expectWhole("after both")
        }
    }

    @Test func theDocumentAndTheNotificationTellOfIt() throws {
        let notify = "notify:\n  - {events: [drift], command: [sh, -c, cat > told.json]}\n"
        try BadLuckScene.with(configuration: notify) { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            try scene.sql("UPDATE items SET qty = 99 WHERE id = 2")
            let document = try scene.json("guard", "set", "--mode", "track")
            #expect(document["warnings"]?.array?.first?.string == Self.drift, "\(document)")
            #expect(document["warning_codes"] == ["WARN_DATA_DRIFT"], "\(document)")
            #expect(try scene.shell("cat told.json").out.contains("\"event\":\"drift\""))
        }
    }

    @Test func whatChangesNothingHasNoRestorePoint() throws {
        let export = "steps:\n  - {id: e, export: {query: SELECT id FROM items, file: items.csv}}\n"
        try BadLuckScene.with(jobs: ["export_items": export]) { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            let files = try scene.shell("ls backups/batch_manager/*.bak").out
            for words in [
                ["export_items"], ["--id", "look", "--sql", "SELECT 1"],
                ["--id", "no", "--sql", "DELETE FROM items WHERE 0"],
            ] {
                let run = try scene.tool(["run"] + words + ["--json"])
                let document = try JSONParser.parse(run.out)
                #expect(run.code == 0 && document["restore_point"] == .null, "\(run.out)\(run.err)")
            }
            #expect(try scene.shell("ls backups/batch_manager/*.bak").out == files)
            #expect(try scene.json("points")["points"]?.array?.count == 2)
            try scene.expectWhole("without points")
            // It is the state of the point before all the same.
            let names = ["a.1", "export_items.1", "export_items.1^", "no.1"]
            for (number, name) in names.enumerated() {
                try scene.expect(0, "restore", "--point", name, "--to", "\(number).db")
                #expect(try scene.sql("SELECT qty FROM items WHERE id = 1", in: "\(number).db") == "7", "\(name)")
            }
            try scene.expect(0, "diff", "--id", "look.1")
            try scene.expect(0, "rollback", "--id", "no.1")
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 8 WHERE id = 1")
            try scene.expectWhole("after the next point")
        }
    }

    /// Rows of a table without a rowid that all tenants share lay in git as those of a tenant NULL.
    @Test func sharedRowsWithoutARowidAreInGitOnce() throws {
        try BadLuckScene.with(configuration: "    tenancy: column\n    tenant_column: owner\n") { scene in
            try scene.sql(
                "CREATE TABLE orders(id INTEGER PRIMARY KEY, owner TEXT); CREATE TABLE rates(code TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO rates VALUES('a', 1), ('b', 2)"
            )
            try scene.expect(
                0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1", "--shared-table", "items")
            try scene.expect(
                0, "run", "--id", "b", "--sql",
                "UPDATE rates SET v = 3 WHERE code = 'a'; DELETE FROM rates WHERE code = 'b'", "--shared-table", "rates"
            )
            try scene.expect(0, "restore", "--point", "b.1", "--to", "b.db", "--source", "git")
            #expect(try scene.sql("SELECT group_concat(code || v) FROM rates", in: "b.db") == "a3")
            let git = "git --git-dir backups/batch_manager/history.git"
            let all = try scene.shell("\(git) ls-tree -r --name-only main").out
            #expect(!all.contains("%null"), "\(all)")
            #expect(all.contains("shared/tables/rates/"), "\(all)")
            try scene.expectWhole("with shared rows")
        }
    }

    @Test func aRollbackWhoseRestorePointCannotBeWrittenIsDone() throws {
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "--id", "a", "--sql", "UPDATE items SET qty = 7 WHERE id = 1")
            // A folder where a file is to be: neither root nor anybody else can write it.
            _ = try scene.shell("mv backups/batch_manager/history.git h; touch backups/batch_manager/history.git")
            let done = try scene.tool("rollback", "--id", "a.1")
            #expect(done.code == 8, "\(done.out)\(done.err)")
            #expect(
                (done.out + done.err).contains("rollback.1 is committed, do not run it again"), "\(done.out)\(done.err)"
            )
            #expect(try scene.sql("SELECT qty FROM items WHERE id = 1") != "7")
            _ = try scene.shell("rm backups/batch_manager/history.git; mv h backups/batch_manager/history.git")
            try scene.expect(0, "points")
            try scene.expectWhole("after the next command")
        }
    }
}
