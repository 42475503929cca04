import BatchCore
import Testing

@Suite struct DefinitionSQLTests {
    @Test(arguments: [
        ("SELECT :a, :b_2, :a", [":a", ":b_2", ":a"]),
        ("SELECT ':a', \":b\", `:c`, [:d], :e", [":e"]),
        ("SELECT 'it''s :a', :b", [":b"]),
        ("SELECT 1 -- :a\n, :b /* :c */ + :d", [":b", ":d"]),
        ("SELECT ?, ?2, @x, $y", ["?", "?2", "@x", "$y"]),
        ("SELECT a$b, x'3a61', 1::2", []),
        ("SELECT json_extract(j, '$.a'), :é", [":é"]),
        ("SELECT 'open :a", []), ("SELECT /* :a", []), ("SELECT [ :a", []), ("", []), ("--", []), (":", []),
    ])
    func parametersAreFoundOnlyWhereSQLiteSeesThem(sql: String, expected: [String]) {
        // `::2` holds a parameter called 2 for SQLite.
        let found = SQLText.parameters(in: sql).map(\.text)
        #expect(found == (sql.contains("1::2") ? [":2"] : expected))
    }

    @Test func aParameterKnowsItsPlace() {
        let sql = "SELECT 'é', :a"
        let offsets = SQLText.parameters(in: sql).map(\.offset)
        #expect(offsets == [13])
        #expect(Array(sql.utf8)[13] == UInt8(ascii: ":"))
    }

    @Test(
        arguments: [
            ("SELECT id FROM t", ["id"]),
            ("select distinct a, t.b, count(*) AS n, \"x y\" from t", ["a", "b", "n", "x y"]),
            ("SELECT max(a, (SELECT b FROM c)) AS m, s.t.u AS v FROM t", ["m", "v"]),
            ("SELECT a AS [q], b AS `r``s` FROM t", ["q", "r`s"]),
            ("SELECT 1 AS one;", ["one"]),
        ] as [(String, [String])])
    func columnsAreKnownWhenEachHasAName(query: String, columns: [String]) {
        #expect(SQLText.resultColumns(of: query) == columns)
    }

    @Test(arguments: [
        "SELECT * FROM t", "SELECT t.* FROM t", "SELECT rowid FROM t", "SELECT count(*) FROM t", "SELECT a b FROM t",
        "WITH x AS (SELECT 1) SELECT a FROM x", "VALUES (1)", "SELECT 'a' FROM t", "SELECT 1 FROM t", "SELECT", "",
    ])
    func columnsAreLeftToTheDatabaseWhenOneHasNone(query: String) {
        #expect(SQLText.resultColumns(of: query) == nil)
    }

    @Test(arguments: [("", true), (" ;; -- x\n/* y */ ;", true), ("SELECT 1", false), (";1", false)])
    func aTextWithoutAStatementIsBlank(sql: String, isBlank: Bool) {
        #expect(SQLText.isBlank(sql) == isBlank)
    }
}
