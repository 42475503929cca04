internal import TestSupport
internal import Testing

/// What docs/extension.md shows works as it stands there.
struct DocumentTests {
    private static func blocks(_ language: String) throws -> [String] {
        let text = try TextFile.read(TextFile.inPackage("docs/extension.md"))
        return text.components(between: "```\(language)\n", and: "```")
    }

    private static let schema = """
        CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT, cents INTEGER);
        INSERT INTO products VALUES (1, 'tea', 450), (2, 'coffee', 700);

        """

    private func scene(_ body: (String) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            _ = try BuiltTool.shell("cp '\(Hosts.library)' '\(folder)/batchmgr.so'")
            try body(folder)
        }
    }

    /// One block after the other, each statement on its own.
    @Test func everyLineOfSQLRuns() throws {
        let blocks = try DocumentTests.blocks("sql")
        #expect(blocks.count >= 4)
        try scene { folder in
            let result = try Hosts.sqlite(folder, blocks.joined(separator: "\n"))
            #expect(result.err == "" && result.code == 0, "\(result.err)")
            #expect(result.out.contains("reprice.1\n"))
            for name in [
                "batch_begin", "batch_checkpoint", "batch_commit", "batch_abort", "batch_rollback", "batch_digest",
                "batch_switch", "batchmgr_version", "batch_log", "batch_checkpoints", "batch_changes",
                "batch_dependents",
                "batch_points", "batch_audit", "batch_row_history", "batch_as_of",
            ] {
                #expect(blocks.contains { $0.contains(name) }, "\(name) has no line to paste")
            }
        }
    }

    @Test func theExampleInPythonRuns() throws {
        let blocks = try DocumentTests.blocks("python")
        try #require(blocks.count == 1)
        try scene { folder in
            _ = try Hosts.sql(folder, DocumentTests.schema)
            try TextFile.write(blocks[0], to: folder + "/example.py")
            let result = try BuiltTool.shell("cd '\(folder)' && exec /usr/bin/python3 example.py")
            #expect(result.fault == nil)
            #expect(result.out == "import.1 1\n")
            #expect(try Hosts.sql(folder, "SELECT count(*) FROM products") == "2\n")
        }
    }

    @Test func theExampleInCRuns() throws {
        let blocks = try DocumentTests.blocks("c")
        try #require(blocks.count == 1)
        try scene { folder in
            _ = try Hosts.sql(folder, DocumentTests.schema)
            try TextFile.write(blocks[0], to: folder + "/example.c")
            let result = try BuiltTool.shell(
                "cd '\(folder)' && cc -Wall -Werror -o example example.c -lsqlite3 && ./example")
            #expect(result.fault == nil)
            #expect(
                try Hosts.sql(folder, "SELECT count(*) FROM products; SELECT batch FROM batchmgr_batches")
                    == "1\nclean.1\n")
        }
    }

    @Test func theExampleInSwiftRuns() throws {
        let blocks = try DocumentTests.blocks("swift")
        try #require(blocks.count == 1)
        try scene { folder in
            _ = try Hosts.sql(folder, DocumentTests.schema)
            try TextFile.write(blocks[0], to: folder + "/main.swift")
            let modules = TextFile.inPackage("Sources/CSQLite")
            let compiler = try #require(Hosts.swiftCompiler)
            let result = try BuiltTool.shell(
                "cd '\(folder)' && '\(compiler)' -I '\(modules)' -o example main.swift -lsqlite3 && ./example")
            #expect(result.fault == nil)
            #expect(try Hosts.sql(folder, "SELECT group_concat(name) FROM products") == "TEA,COFFEE\n")
        }
    }
}

extension String {
    func components(between start: String, and end: String) -> [String] {
        var found: [String] = []
        var rest = self[...]
        while let opening = rest.firstRange(of: start) {
            rest = rest[opening.upperBound...]
            guard let closing = rest.firstRange(of: end) else { break }
            found.append(String(rest[..<closing.lowerBound]))
            rest = rest[closing.upperBound...]
        }
        return found
    }
}
