import BatchCore
import BatchLedger
import TestSupport
import Testing

/// What SQLite asks a gateway is set once for a connection, and holds whoever came and went.
@Suite struct StatementHooksTests {
    private func bench(_ folder: TemporaryFolder) throws -> Bench {
        let made = try Connection(path: folder.file("app.db"), mode: .create)
        try made.execute("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2)")
        return try Bench(folder.file("app.db"), spillFolder: folder.path)
    }

    private func expectRefusal(_ bench: Bench, _ sql: String, _ note: String) {
        #expect("\(note)") {
            try bench.run("bad", sql)
        } throws: {
            ($0 as? BatchError)?.code == .forbiddenStatement
        }
    }

    /// The next batch, with a gateway of its own, uses the statements that are kept.
    @Test func statementsThatAreKeptAreNotCompiledAnew() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        func again() throws -> Int64 {
            try bench.connection.value("SELECT sum(reprep) FROM sqlite_stmt")?.integer ?? -1
        }
        let next = "UPDATE t SET b = b + 1"
        func work() throws {
            for _ in 0..<3 {
                _ = try Gateway(bench.connection, spillFolder: folder.path)
                try bench.run("next", next)
            }
        }
        try work()
        let before = try again()
        try work()
        #expect(try again() == before)
    }

    @Test func whoeverComesAndGoesLeavesTheRulesInForce() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        expectRefusal(bench, "DELETE FROM batchmgr_undo", "at first")
        var other: Gateway? = try Gateway(bench.connection, spillFolder: folder.path)
        expectRefusal(bench, "DELETE FROM batchmgr_undo", "beside another gateway")
        _ = other
        other = nil
        expectRefusal(bench, "DELETE FROM batchmgr_undo", "behind another gateway")
        #expect(try ColumnsRead(of: "SELECT a FROM t", on: bench.connection).columns == ["t": ["a"]])
        expectRefusal(bench, "ATTACH ':memory:' AS x", "behind a look at a query")
    }

    /// Shadow tables are protected from the moment on at which there are some.
    @Test func aModuleThatComesIsProtected() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        try bench.run("index", "CREATE VIRTUAL TABLE words USING fts5(w); INSERT INTO words VALUES('a')")
        expectRefusal(bench, "DELETE FROM words_data", "of an earlier batch")
        expectRefusal(
            bench, "CREATE VIRTUAL TABLE more USING fts5(w); INSERT INTO more_config VALUES('a', 1)", "of this batch")
        expectRefusal(
            bench, "CREATE VIRTUAL TABLE temp.mine USING fts5(w); DELETE FROM temp.mine_data", "of the connection")
    }

    @Test func randomNumbersAreTheBatchsOwnOnlyInIt() throws {
        let folder = TemporaryFolder()
        let bench = try bench(folder)
        var other: Gateway? = try Gateway(bench.connection, spillFolder: folder.path)
        _ = other
        other = nil
        let sql = "SELECT random() || hex(randomblob(9))"
        let numbers = Set(try (0..<20).map { _ in try bench.connection.value(sql)?.string })
        #expect(numbers.count == 20)
        func pinned() throws -> [SQLValue] {
            try bench.gateway.begin(seeing: PinnedInputs(time: nil, seed: 7))
            defer { bench.gateway.rollback() }
            return try bench.connection.rows("SELECT random(), randomblob(9)")[0]
        }
        let first = try pinned()
        #expect(try pinned() == first)
    }
}
