import BatchCore
import Testing

/// The verbs that look at batches, run as a user runs them.
@Suite struct ViewTests {
    static func with(_ body: (RecordedDatabase) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let database = try RecordedDatabase(folder)
            try database.run("import_rates", "UPDATE rates SET factor = 1.2 WHERE code = 'usd'; INSERT INTO rates VALUES ('gbp', 0.9)")
            try database.run(
                "reprice", "UPDATE invoices SET total = total * 2 WHERE customer = 1", "DELETE FROM invoices WHERE id = 3",
                tenant: "a")
            try database.run("close", "UPDATE invoices SET note = 'closed' WHERE id = 1; INSERT INTO customers VALUES (9, 'Di', 'b')")
            try body(database)
        }
    }

    static func json(_ database: RecordedDatabase, _ words: String...) throws -> JSONValue {
        let result = try BuiltTool.shell("exec \"$TOOL\" \"$@\"", ["--db", database.path, "--json"] + words)
        #expect(result.err == "")
        return try JSONParser.parse(result.out)
    }

    @Test func demo() throws {
        try Self.with { database in
            let db = database.path
            for line in [
                "list", "list --job reprice --json", "show --id reprice", "show --id reprice.1 --json", "graph --id import_rates", "graph --id reprice", "graph --id reprice --format dot",
                "graph --id reprice --format json", "diff --id reprice.1", "diff --id import_rates --sql", "diff --id reprice --stat",
                "diff --id reprice --table invoice", "diff reprice.1^ close.1", "diff import_rates.1^ close.1 --stat",
                "points", "points --json", "verify", "verify --id close", "verify --fast", "verify --json", "restore --point reprice.1 --to \(database.folder)/r.db",
                "restore --point reprice.1 --to \(database.folder)/r.db", "restore --point import_rates.1^ --to \(database.folder)/r2.db --source git",
                "restore --point nope.1 --to \(database.folder)/r3.db", "restore --point deadbeef --to \(database.folder)/r3.db", "show --id repricee", "show --id reprice.7", "diff a b",
            ] {
                let result = try BuiltTool.shell("exec \"$TOOL\" --db \(db) \(line)")
                print("$ \(line)\n\(result.out)\(result.err)[\(result.code)]")
            }
        }
    }
}
