import TestSupport

extension ShapeTests {
    private static let docs =
        "INSERT INTO f(rowid, a, b) VALUES(1, 'red fox', 'x'), (2, 'blue bird', 'y'), (3, 'green frog', 'z')"
    private static let write =
        "UPDATE f SET a = a || ' more' WHERE rowid = 2; DELETE FROM f WHERE rowid = 1; INSERT INTO f(rowid, a, b) VALUES(9, 'new words', 'w')"
    private static let base =
        "CREATE TABLE d(id INTEGER PRIMARY KEY, a, b); INSERT INTO d VALUES(1, 'red fox', 'x'), (2, 'blue bird', 'y'), (3, 'green frog', 'z');"
    private static let sync =
        "CREATE TRIGGER di AFTER INSERT ON d BEGIN INSERT INTO f(rowid, a, b) VALUES(new.id, new.a, new.b); END; CREATE TRIGGER dd AFTER DELETE ON d BEGIN INSERT INTO f(f, rowid, a, b) VALUES('delete', old.id, old.a, old.b); END;"

    static let virtual: [ShapeCase] = [
        ShapeCase("FTS3", "CREATE VIRTUAL TABLE f USING fts3(a, b); \(docs)", write),
        ShapeCase("FTS4", "CREATE VIRTUAL TABLE f USING fts4(a, b); \(docs)", write),
        ShapeCase("FTS4, all rows deleted", "CREATE VIRTUAL TABLE f USING fts4(a, b); \(docs)", "DELETE FROM f"),
        ShapeCase("FTS5", "CREATE VIRTUAL TABLE f USING fts5(a, b UNINDEXED, prefix='2 3'); \(docs)", write),
        ShapeCase(
            "FTS5 commands",
            "CREATE VIRTUAL TABLE f USING fts5(a, b); \(docs); INSERT INTO f(f) VALUES('optimize'); \(write)",
            "INSERT INTO f(f, rank) VALUES('pgsz', 64); INSERT INTO f(f) VALUES('rebuild'); \(docs.replacing("(1,", "(21,").replacing("(2,", "(22,").replacing("(3,", "(23,"))"
        ),
        ShapeCase(
            "FTS5, external content",
            "\(base) CREATE VIRTUAL TABLE f USING fts5(a, b, content='d', content_rowid='id'); \(sync) INSERT INTO f(f) VALUES('rebuild')",
            "DELETE FROM d WHERE id = 2; INSERT INTO d VALUES(7, 'seven', 's')"),
        ShapeCase(
            "FTS4, external content",
            "\(base) CREATE VIRTUAL TABLE f USING fts4(content='d', a, b); INSERT INTO f(f) VALUES('rebuild')",
            "DELETE FROM f WHERE docid = 2; DELETE FROM d WHERE id = 2; INSERT INTO d VALUES(7, 'seven', 's'); INSERT INTO f(docid, a, b) VALUES(7, 'seven', 's')"
        ),
        ShapeCase(
            "FTS5, contentless", "CREATE VIRTUAL TABLE f USING fts5(a, b, content=''); \(docs)",
            "INSERT INTO f(rowid, a, b) VALUES(9, 'new words', 'w'); INSERT INTO f(f, rowid, a, b) VALUES('delete', 1, 'red fox', 'x')"
        ),
        ShapeCase(
            "R*Tree",
            "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1, +name); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO r SELECT i, i, i + 2.5, 'n' || i FROM n",
            "UPDATE r SET x1 = x1 + 10 WHERE id % 3 = 0; DELETE FROM r WHERE id % 7 = 0; INSERT INTO r VALUES(9001, -5, 900, 'q'); UPDATE r SET name = 'z' WHERE id = 5"
        ),
    ]

    private static let table =
        "CREATE TABLE z(q); CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INT DEFAULT 4); INSERT INTO t(b) VALUES('x'), ('y'), ('z'); CREATE INDEX tb ON t(c); CREATE TRIGGER tt AFTER INSERT ON t BEGIN INSERT INTO z VALUES(new.a); END; CREATE VIEW tv AS SELECT a, b FROM t; CREATE TABLE u(t REFERENCES t(a)); INSERT INTO u VALUES(1)"

    static let definitions: [ShapeCase] = [
        ShapeCase(
            "CREATE TABLE", table,
            "CREATE TABLE n(a, b UNIQUE); CREATE INDEX ni ON n(a); INSERT INTO n VALUES(1, 2); CREATE TRIGGER nt AFTER DELETE ON n BEGIN DELETE FROM z; END"
        ),
        ShapeCase(
            "CREATE TABLE AS", table,
            "CREATE TABLE n AS SELECT * FROM t; UPDATE n SET b = b || b; DELETE FROM n WHERE a = 1"),
        ShapeCase(
            "first AUTOINCREMENT table", table,
            "CREATE TABLE n(a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO n VALUES(5)"),
        ShapeCase(
            "DROP of an AUTOINCREMENT table",
            "CREATE TABLE z(a INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE n(a INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO n VALUES(5), (9); DELETE FROM n WHERE a = 9; INSERT INTO z VALUES(4)",
            "DROP TABLE n; INSERT INTO z VALUES(NULL)"),
        ShapeCase("DROP TABLE", table, "UPDATE t SET b = b || 'q'; DELETE FROM u; DROP TABLE t"),
        ShapeCase(
            "DROP TABLE with rows that cascade",
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE, v); INSERT INTO p VALUES(1), (2); INSERT INTO c VALUES(1, 'a'), (2, 'b'), (NULL, 'c')",
            "DROP TABLE p"),
        ShapeCase(
            "DROP TABLE WITHOUT ROWID",
            "CREATE TABLE t(a TEXT PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES('x', 1), ('y', 2)",
            "DROP TABLE t; CREATE TABLE t(b, a)"),
        ShapeCase(
            "DROP of a table that hides its rowid",
            "CREATE TABLE t(rowid, _rowid_, Oid); INSERT INTO t VALUES(1, 2, 3), (4, 5, 6); CREATE INDEX i ON t(oid)",
            "DELETE FROM t WHERE rowid = 1; DROP TABLE t"),
        ShapeCase(
            "ADD COLUMN", table,
            "ALTER TABLE t ADD COLUMN d DEFAULT 7; UPDATE t SET d = 8 WHERE a = 2; INSERT INTO t(b) VALUES('w')"),
        ShapeCase(
            "RENAME TABLE", table, "ALTER TABLE t RENAME TO tt2; UPDATE tt2 SET c = 9; INSERT INTO tt2(b) VALUES('w')"),
        ShapeCase("RENAME COLUMN", table, "ALTER TABLE t RENAME COLUMN b TO bb; UPDATE t SET bb = bb || '!'"),
        ShapeCase("DROP COLUMN", table, "DROP INDEX tb; ALTER TABLE t DROP COLUMN c; UPDATE t SET b = b || '!'"),
        ShapeCase(
            "CREATE and DROP INDEX", table,
            "CREATE UNIQUE INDEX i1 ON t(b, c); DROP INDEX tb; CREATE INDEX tb ON t(b) WHERE c"),
        ShapeCase(
            "CREATE and DROP VIEW", table,
            "CREATE TRIGGER vi INSTEAD OF INSERT ON tv BEGIN INSERT INTO z VALUES(1); END; CREATE VIEW v2 AS SELECT * FROM tv; DROP VIEW tv; CREATE VIEW tv AS SELECT 1 AS a"
        ),
        ShapeCase(
            "CREATE and DROP TRIGGER", table,
            "DROP TRIGGER tt; CREATE TRIGGER t3 AFTER DELETE ON t BEGIN SELECT 1; END; CREATE TRIGGER tt AFTER UPDATE ON t BEGIN SELECT 2; END"
        ),
        ShapeCase(
            "CREATE VIRTUAL TABLE", table,
            "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES('one two'); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 2, 3); CREATE VIRTUAL TABLE f4 USING fts4(a); INSERT INTO f4 VALUES('x')"
        ),
        ShapeCase(
            "DROP of virtual tables",
            "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES('one two'); CREATE VIRTUAL TABLE r USING rtree(id, x0, x1); INSERT INTO r VALUES(1, 2, 3); CREATE VIRTUAL TABLE f4 USING fts4(a); INSERT INTO f4 VALUES('x')",
            "INSERT INTO f VALUES('three'); INSERT INTO f4 VALUES('three'); DROP TABLE f; DROP TABLE r; DROP TABLE f4"),
        ShapeCase(
            "RENAME of a virtual table", "CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES('one two')",
            "ALTER TABLE f RENAME TO g; INSERT INTO g VALUES('three')"),
        ShapeCase("first ANALYZE", table, "ANALYZE"),
        ShapeCase(
            "ANALYZE again", table + "; ANALYZE; INSERT INTO t(b) VALUES('q'), ('r')",
            "ANALYZE; DROP INDEX tb; DELETE FROM u; DELETE FROM t"),
        ShapeCase(
            "DROP of an analysed table", table + "; ANALYZE; DROP TABLE u",
            "DROP VIEW tv; DROP TABLE t; ALTER TABLE z RENAME TO zz"),
    ]
}

extension String {
    func replacing(_ old: String, _ new: String) -> String {
        var (rest, result) = (self[...], "")
        while let first = rest.first {
            if rest.hasPrefix(old) {
                result += new
                rest = rest.dropFirst(old.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
