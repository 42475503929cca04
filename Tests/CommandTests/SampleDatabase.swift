import BatchCore
import TestSupport
import Testing

/// A small database in a folder of its own, worked on by the built tool.
struct SampleDatabase {
    static let schema = """
        CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE invoices(id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER REFERENCES customers(id), total REAL, note);
        CREATE TABLE rates(code TEXT PRIMARY KEY COLLATE NOCASE, factor REAL) WITHOUT ROWID;
        CREATE TRIGGER rounded AFTER UPDATE OF total ON invoices BEGIN
            UPDATE invoices SET total = round(total, 2) WHERE id = new.id; END;
        INSERT INTO customers VALUES (1, 'Ann'), (2, 'Bo'), (3, 'Cy');
        INSERT INTO invoices VALUES (1, 1, 10.0, 'x'), (2, 1, 20.5, NULL), (3, 2, 30, X'00ff');
        INSERT INTO rates VALUES ('eur', 1.0), ('usd', 1.1);
        """

    let folder: String
    var path: String { folder + "/app.db" }
    var backups: String { folder + "/backups/batch_manager" }

    static func with(_ schema: String = schema, _ body: (SampleDatabase) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let database = SampleDatabase(folder: folder)
            try database.sql(schema)
            try body(database)
        }
    }

    /// With three batches: `close` changes a row that `reprice` had changed, `import` is alone.
    static func withBatches(_ body: (SampleDatabase) throws -> Void) throws {
        try with { database in
            try database.run(
                "import", "UPDATE rates SET factor = 1.2 WHERE code = 'usd'; INSERT INTO rates VALUES ('gbp', 0.9)")
            try database.run(
                "reprice", "UPDATE invoices SET total = total * 2 WHERE customer = 1; DELETE FROM invoices WHERE id = 3"
            )
            try database.run(
                "close", "UPDATE invoices SET note = 'closed' WHERE id = 1; INSERT INTO customers VALUES (9, 'Di')")
            try body(database)
        }
    }

    /// Changes the database without the tool.
    func sql(_ text: String) throws {
        let result = try BuiltTool.shell("exec sqlite3 -bail \"$1\" \"$2\"", [path, text])
        try #require(result.code == 0, "\(result.err)")
    }

    func run(_ job: String, _ sql: String) throws {
        let result = try tool("run", "--id", job, "--sql", sql)
        try #require(result.code == 0, "\(result.err)")
    }

    /// `$DB` and `$BACKUPS` are the paths.
    @discardableResult
    func shell(_ line: String) throws -> BuiltTool.Result {
        try BuiltTool.shell("DB=\"$1\" BACKUPS=\"$2\"; \(line)", [path, backups])
    }

    func tool(_ words: String...) throws -> BuiltTool.Result { try tool(words) }

    func tool(_ words: [String]) throws -> BuiltTool.Result {
        try BuiltTool.shell("exec \"$TOOL\" \"$@\"", ["--db", path] + words)
    }

    /// The document, of an error too.
    func json(_ words: String...) throws -> JSONValue {
        let result = try BuiltTool.shell("exec \"$TOOL\" \"$@\"", ["--db", path, "--json"] + words)
        #expect(result.err == "")
        return try JSONParser.parse(result.out)
    }

    /// What the sqlite3 shell prints, without the ledger.
    func dump(_ file: String? = nil) throws -> String {
        try BuiltTool.shell("sqlite3 \"$1\" .dump | grep -v batchmgr_", [file ?? path]).out
    }
}

extension JSONValue {
    var keys: [String] { members?.map(\.key) ?? [] }

    /// The texts of one key of every element.
    func texts(_ key: String) -> [String] { array?.compactMap { $0[key]?.string } ?? [] }
}
