import BatchCore
import Testing

/// The tables that statements name as those that they write.
@Suite struct WrittenTablesTests {
    @Test(arguments: [
        ("UPDATE bills SET a = (SELECT b FROM parts)", ["bills"]),
        ("update or ignore main.\"kept values\" set a = 1; DELETE FROM [x] WHERE 1", ["kept values", "x"]),
        ("INSERT INTO a SELECT * FROM b", ["a"]), ("REPLACE INTO a(b) VALUES(1)", ["a"]),
        ("INSERT INTO a VALUES(1) ON CONFLICT(b) DO UPDATE SET b = 2", ["a"]),
        ("WITH w AS (SELECT 1) DELETE FROM a WHERE b IN w", ["a"]),
        ("SELECT 'UPDATE x SET y' FROM z -- DELETE FROM c", []), ("ALTER TABLE a ADD COLUMN b", ["a"]),
        ("REINDEX a", ["a"]), ("", []), ("UPDATE", []), ("INSERT INTO", []),
    ]) func areThoseBehindTheWordsThatWrite(sql: String, tables: [String]) {
        #expect(SQLText.writtenTables(in: sql) == tables)
    }
}
