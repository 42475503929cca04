internal import BatchCore
internal import Testing

/// What the text of a statement tells of the schema.
struct SchemaStatementTests {
    @Test(
        arguments: [
            ("DROP TABLE t", nil, "t"),
            ("drop table if exists main.\"a \"\"b\"\"\"", "main", "a \"b\""),
            ("/* one */ -- two\n ALTER TABLE [x y] ADD COLUMN z", nil, "x y"),
            (";; ALTER TABLE `a``b` RENAME TO c", nil, "a`b"),
            ("ALTER TABLE 'text' RENAME COLUMN a TO b", nil, "text"),
            ("\u{FEFF}DROP TABLE Temp . t;", "temp", "t"),
            ("DROP TABLE \"main\".\"if\"", "main", "if"),
        ] as [(String, String?, String)])
    func theTableThatGoesIsNamed(sql: String, database: String?, name: String) {
        let rewritten = SchemaStatement(sql)?.rewritten
        #expect(rewritten?.database == database)
        #expect(rewritten?.name == name)
    }

    @Test(arguments: [
        "CREATE TABLE t(x)", "create temp view v as select 1", "DROP INDEX i", "DROP VIEW IF EXISTS v", "ANALYZE",
        "DROP",
        "DROP TABLE", "ALTER TABLE",
    ])
    func otherStatementsRewriteNothing(sql: String) throws {
        let statement = try #require(SchemaStatement(sql))
        #expect(statement.rewritten == nil)
    }

    @Test(arguments: [
        "", ";", "INSERT INTO t SELECT 'DROP TABLE t'", "-- DROP TABLE t", "EXPLAIN DROP TABLE t", "created", "'drop'",
    ])
    func statementsThatChangeNoSchema(sql: String) { #expect(SchemaStatement(sql) == nil) }
}
