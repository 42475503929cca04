import BatchCore
import BatchLedger
import Glibc
import TestSupport
import Testing

@Suite struct DoctorTests {
    struct Diagnosis {
        let code: Int32
        let checks: [String: JSONValue]
        let isOK: Bool?

        subscript(name: String) -> String? { checks[name]?["detail"]?.string }
        func outcome(_ name: String) -> String? { checks[name]?["outcome"]?.string }
    }

    static func examine(_ path: String, _ options: String...) throws -> Diagnosis {
        let result = try BuiltTool.shell("exec \"$TOOL\" --json doctor \"$@\"", ["--db", path] + options)
        #expect(result.err == "")
        let document = try JSONParser.parse(result.out)
        #expect(document["format_version"]?.integer == 1)
        var checks: [String: JSONValue] = [:]
        for check in try #require(document["checks"]?.array) { checks[check["name"]?.string ?? ""] = check }
        return Diagnosis(code: result.code, checks: checks, isOK: document["ok"]?.bool)
    }

    /// A new database made by this SQL.
    static func examine(sql: String, _ options: String...) throws -> Diagnosis {
        try TemporaryFolder.with { folder in
            let path = "\(folder)/a.db"
            try Connection(path: path, mode: .create).execute(sql)
            return try examine(path)
        }
    }

    @Test func aHealthyDatabaseIsDescribed() throws {
        let found = try Self.examine(
            sql:
                "PRAGMA page_size=8192; PRAGMA encoding='UTF-16le'; PRAGMA auto_vacuum=2; CREATE TABLE t(a); CREATE TABLE u(a)"
        )
        #expect(found.isOK == true)
        #expect(found.code == 0)
        #expect(found["database"] == "2 tables")
        #expect(found["page size"] == "8192")
        #expect(found["encoding"] == "UTF-16le")
        #expect(found["auto_vacuum"] == "incremental")
        #expect(found["journal mode"] == "delete")
        #expect(found["quick_check"] == "ok")
        #expect(found["foreign_key_check"] == "no violations")
        #expect(found["schema"] == "every table and view can be used")
        #expect(found.outcome("SQLite preupdate hook") == "passed")
    }

    @Test func aHomeOfTheSuperuserBesideADatabaseOfAnotherIsNamed() throws {
        guard geteuid() == 0 else { return }
        try BadLuckScene.with { scene in
            try scene.expect(0, "run", "multi")
            #expect(try Self.examine(scene.file("app.db")).outcome("permissions") == "passed")
            #expect(chown(scene.file("app.db"), 65_534, 65_534) == 0)
            let found = try Self.examine(scene.file("app.db"))
            #expect(found.outcome("permissions") == "warning")
            #expect(found["permissions"]?.contains("belongs to another user than") == true)
        }
    }

    @Test func theWALResetBugIsNamedForAnOldSQLiteInWALModeOnly() throws {
        let version = try Connection(path: ":memory:", mode: .create).value("SELECT sqlite_version()")?.string ?? ""
        let parts = version.split(separator: ".").compactMap { Int($0) }
        let isOld = parts.lexicographicallyPrecedes([3, 51, 3])
        let wal = try Self.examine(sql: "PRAGMA journal_mode=WAL; CREATE TABLE t(a)")
        #expect(wal["journal mode"] == "wal")
        #expect(wal.outcome("SQLite WAL-reset bug") == (isOld ? "warning" : nil))
        #expect(wal.code == 0)
        #expect(try Self.examine(sql: "CREATE TABLE t(a)").outcome("SQLite WAL-reset bug") == nil)
    }

    @Test func whatTheSchemaNamesAndSQLiteLacksIsFound() throws {
        let found = try Self.examine(
            sql: """
                CREATE TABLE fine(a); CREATE TABLE t(id INTEGER PRIMARY KEY, b, c AS (b + 1));
                CREATE TRIGGER tr AFTER UPDATE OF b ON t BEGIN SELECT title_sort(new.b); END;
                CREATE TABLE d(a); CREATE TRIGGER dr AFTER DELETE ON d BEGIN SELECT gone_function(); END;
                CREATE VIEW v AS SELECT other_function(a) FROM fine;
                CREATE TABLE c(a TEXT);
                CREATE TABLE i(a TEXT); CREATE INDEX ii ON i(a COLLATE RTRIM);
                PRAGMA writable_schema=1;
                UPDATE sqlite_schema SET sql = 'CREATE INDEX ii ON i(a COLLATE klingon)' WHERE name = 'ii';
                UPDATE sqlite_schema SET sql = 'CREATE TABLE c(a TEXT COLLATE klingon CHECK (a > ''''))' WHERE name = 'c';
                INSERT INTO sqlite_schema VALUES('table','vt','vt',0,'CREATE VIRTUAL TABLE vt USING vec0(e float[4])')
                """)
        #expect(found["table t"] == "no such function: title_sort")
        #expect(found["table d"] == "no such function: gone_function")
        #expect(found["view v"] == "no such function: other_function")
        #expect(found["table c"]?.contains("no such collation sequence: klingon") == true)
        #expect(found["table i"] == "no such collation sequence: klingon")
        #expect(found["table vt"] == "no such module: vec0")
        #expect(found["table fine"] == nil)
        #expect(found.code == 0)
    }

    @Test func oldForeignKeyViolationsAreAWarning() throws {
        let found = try Self.examine(
            sql: "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p); INSERT INTO c VALUES(1),(2)")
        #expect(found["foreign_key_check"] == "2 rows without a parent, in c")
        #expect(found.outcome("foreign_key_check") == "warning")
        #expect(found.code == 0)
    }

    @Test func aDamagedPageIsExitCode6() throws {
        try TemporaryFolder.with { folder in
            let path = "\(folder)/a.db"
            try Connection(path: path, mode: .create).execute(
                "CREATE TABLE t(a); WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000) INSERT INTO t SELECT i FROM n"
            )
            let file = try #require(fopen(path, "r+"))
            fseek(file, 4096 * 3, SEEK_SET)
            let garbage = [UInt8](repeating: 0xA5, count: 4096)
            fwrite(garbage, 1, garbage.count, file)
            fclose(file)
            let found = try Self.examine(path)
            #expect(found.outcome("quick_check") == "failed")
            #expect(found.checks["quick_check"]?["code"]?.string == "ERR_DATA_CORRUPT_DATABASE")
            #expect(found.isOK == false)
            #expect(found.code == 6)
            #expect(try Self.examine(path, "--fast").code == 0)
        }
    }

    @Test func whatIsNoDatabaseHasAClearEnd() throws {
        try TemporaryFolder.with { folder in
            let text = "\(folder)/text.db"
            try TextFile.write(String(repeating: "this is no database\n", count: 100), to: text)
            let noDatabase = try Self.examine(text)
            #expect(noDatabase.code == 2)
            #expect(noDatabase.checks["database"]?["code"]?.string == "ERR_DATA_NOT_A_DATABASE")
            let missing = try Self.examine("\(folder)/missing.db")
            #expect(missing.code == 2)
            #expect(missing.checks["database"]?["code"]?.string == "ERR_UX_FILE_MISSING")
            let directory = try Self.examine(folder)
            #expect(directory.code == 2)
            let empty = "\(folder)/empty.db"
            try TextFile.write("", to: empty)
            let emptyDatabase = try Self.examine(empty)
            #expect(emptyDatabase.code == 0)
            #expect(emptyDatabase["database"] == "empty: it has no tables yet")
        }
    }

    @Test func withoutADatabaseTheMachineAloneIsChecked() throws {
        let result = try BuiltTool.run("doctor")
        #expect(result.code == 0)
        #expect(result.out.contains("batchmgr --db PATH doctor"))
    }

    static let expectations: [String: Int32] = ["not_a_db.db": 2, "corrupt_page.db": 6]

    @Test func everyDatabaseOfTheCollectionIsExamined() throws {
        let collection = TextFile.inPackage("../shared/data/databases")
        guard access(collection, R_OK) == 0 else { return }
        try TemporaryFolder.with { folder in
            // Copies, because SQLite makes files beside a database in WAL mode.
            try #require(BuiltTool.shell("cp -r '\(collection)'/. '\(folder)' && chmod -R u+w '\(folder)'").code == 0)
            let listing = try BuiltTool.shell(
                "find '\(folder)' -name '*.db' -o -name '*.sqlite' -o -name '*.mbtiles'")
            let paths = listing.out.split(separator: "\n").map(String.init)
            #expect(paths.count > 10)
            for path in paths {
                let name = path.split(separator: "/").last.map(String.init) ?? ""
                let found = try Self.examine(path)
                #expect(found.code == Self.expectations[name] ?? 0, "\(name)")
                if name == "weird_fk.db" { #expect(found["foreign_key_check"]?.hasPrefix("3 rows") == true) }
                if name == "weird_missing_module.db" {
                    #expect(found["table tr"] == "no such function: title_sort")
                    #expect(found["table vt"] == "no such module: vec0")
                }
            }
        }
    }
}
