import BatchCore
import TestSupport
import Testing

/// Tables, indexes, views and triggers that a batch changed are shown, as rows are.
@Suite struct SchemaChangeViewTests {
    static let sql = """
        DROP TRIGGER tell; DROP INDEX by_qty; DROP TABLE old; CREATE TABLE new(a PRIMARY KEY);
        INSERT INTO new VALUES('x'); ALTER TABLE items ADD COLUMN colour TEXT DEFAULT 'red'
        """

    static func withObjects(_ body: (BadLuckScene) throws -> Void) throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE INDEX by_qty ON items(qty); CREATE TABLE old(a INTEGER PRIMARY KEY); INSERT INTO old VALUES(1), (2);
                CREATE TRIGGER tell AFTER UPDATE ON items BEGIN SELECT 1; END
                """)
            try body(scene)
        }
    }

    static let expected = [
        "alter table items", "create table new", "drop index by_qty", "drop table old", "drop trigger tell",
    ]

    static func operations(_ document: JSONValue) -> [String] {
        (document["schema"]?.array ?? []).map { "\($0["op"]?.string ?? "") \($0["object"]?.string ?? "")" }.sorted()
    }

    @Test func aDryRunShowsWhatWouldComeAndGo() throws {
        try Self.withObjects { scene in
            let dry = try scene.json("run", "--id", "ddl", "--dry-run", "--sql", Self.sql)
            #expect(Self.operations(dry) == Self.expected)
            #expect(dry["status"] == "discarded")
            #expect(dry["counts"]?["deleted"] == 2 && dry["counts"]?["inserted"] == 1)
            let text = try scene.tool("run", "--id", "ddl", "--dry-run", "--sql", Self.sql).out
            for line in ["- table old (2 rows)", "- index by_qty", "- trigger tell", "+ table new", "~ table items: "] {
                #expect(text.contains(line), "\(text)")
            }
        }
    }

    @Test func runDiffAndDriftShowThem() throws {
        try Self.withObjects { scene in
            #expect(try scene.tool("run", "--id", "ddl", "--sql", Self.sql).out.contains("schema"))
            #expect(try Self.operations(scene.json("diff", "--id", "ddl")) == Self.expected)
            #expect(try scene.tool("diff", "--id", "ddl").out.contains("- trigger tell"))
            try scene.sql("CREATE VIEW seen AS SELECT * FROM items; DROP TABLE new")
            #expect(try Self.operations(scene.json("drift", "show")) == ["create view seen", "drop table new"])
        }
    }

    /// `diff --sql` on the state before gives the state after.
    @Test func theStatementsOfADiffDoWhatTheBatchDid() throws {
        try Self.withObjects { scene in
            let sql = """
                DROP TABLE old; CREATE TABLE new(a PRIMARY KEY, b); INSERT INTO new VALUES('x', 1), ('y', NULL);
                CREATE TRIGGER once AFTER INSERT ON new BEGIN DELETE FROM items; END; DROP INDEX by_qty
                """
            try scene.shell("cp app.db before.db")
            try scene.expect(0, "run", "--id", "ddl", "--sql", sql)
            let statements = try scene.tool("diff", "--id", "ddl", "--sql").out
            try TextFile.write(statements, to: scene.folder + "/statements.sql")
            try scene.shell("sqlite3 before.db < statements.sql")
            let ours = "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'batchmgr%' ORDER BY 1, 2"
            let rows = "SELECT * FROM new; SELECT * FROM items"
            for query in [ours, rows] {
                let before = try scene.shell("sqlite3 before.db \"\(query)\"").out
                #expect(before == (try scene.shell("sqlite3 app.db \"\(query)\"").out))
                #expect(!before.isEmpty)
            }
        }
    }

    /// A renamed table is one that went and one that came; what hangs on it goes and comes with it.
    @Test func theStatementsOfADiffKeepTheIndexesAndTriggersOfARenamedTable() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE TABLE old(a INTEGER PRIMARY KEY, b); INSERT INTO old VALUES(1, 'x'), (2, 'y');
                CREATE UNIQUE INDEX by_b ON old(b); CREATE VIEW seen AS SELECT b FROM old;
                CREATE TRIGGER tell AFTER INSERT ON old BEGIN UPDATE items SET qty = 0; END
                """)
            try scene.shell("cp app.db before.db")
            try scene.expect(0, "run", "--id", "ddl", "--sql", "ALTER TABLE old RENAME TO new")
            try TextFile.write(scene.tool("diff", "--id", "ddl", "--sql").out, to: scene.folder + "/statements.sql")
            #expect(try scene.shell("sqlite3 -bail before.db < statements.sql").code == 0)
            let ours = "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'batchmgr%' ORDER BY 1, 2"
            for query in [ours, "SELECT * FROM new", "SELECT * FROM seen", "SELECT * FROM items"] {
                let (seen, wanted) = (
                    try scene.shell("sqlite3 before.db \"\(query)\"").out,
                    try scene.shell("sqlite3 app.db \"\(query)\"").out
                )
                #expect(seen == wanted && !seen.isEmpty, "\(query): \(seen)")
            }
        }
    }

    /// The tables in which a virtual one keeps its rows come and go with it.
    @Test func theStatementsOfADiffOfVirtualTablesRun() throws {
        try BadLuckScene.with { scene in
            try scene.sql(
                """
                CREATE VIRTUAL TABLE old USING fts5(w); INSERT INTO old VALUES('hello'); CREATE VIRTUAL TABLE gone USING fts4(w);
                CREATE TABLE plain(qty)
                """)
            try scene.shell("cp app.db before.db")
            let sql = """
                ALTER TABLE old RENAME TO new; DROP TABLE gone; CREATE VIRTUAL TABLE box USING rtree(id, a, b);
                INSERT INTO box VALUES(1, 2, 3); INSERT INTO plain VALUES(7)
                """
            try scene.expect(0, "run", "--id", "ddl", "--sql", sql)
            let statements = try scene.tool("diff", "--id", "ddl", "--sql").out
            #expect(statements.contains("table new is a virtual one"))
            try TextFile.write(statements, to: scene.folder + "/statements.sql")
            #expect(try scene.shell("sqlite3 -bail before.db < statements.sql").code == 0)
            let ours = "SELECT type, name FROM sqlite_schema WHERE tbl_name NOT LIKE 'batchmgr%' ORDER BY 1, 2"
            let query = ours + "; SELECT * FROM plain"
            #expect(
                try scene.shell("sqlite3 before.db \"\(query)\"").out == scene.shell("sqlite3 app.db \"\(query)\"").out)
        }
    }
}
