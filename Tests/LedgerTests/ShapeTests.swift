import TestSupport
import Testing

/// Every shape of table and every trap that is known: a batch over it is undone to the byte.
@Suite struct ShapeTests {
    static let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"

    @Test(arguments: rows) func rowsComeBackExactly(_ shape: ShapeCase) throws { try shape.check() }
    @Test(arguments: constraints) func constrainedRowsComeBackExactly(_ shape: ShapeCase) throws { try shape.check() }
    @Test(arguments: virtual) func virtualTablesComeBackExactly(_ shape: ShapeCase) throws { try shape.check() }
    @Test(arguments: definitions) func definitionsComeBackExactly(_ shape: ShapeCase) throws { try shape.check() }

    static let mixed =
        "UPDATE t SET b = b || 'x' WHERE a % 3 = 0; DELETE FROM t WHERE a % 5 = 0; INSERT INTO t(a, b) VALUES(1001, 'new'), (1002, NULL)"

    static let rows: [ShapeCase] = [
        ShapeCase(
            "no primary key", "CREATE TABLE t(a, b); \(numbers) INSERT INTO t SELECT i % 7, 'r' || i FROM n", mixed),
        ShapeCase(
            "equal rows twice", "CREATE TABLE t(a, b); INSERT INTO t VALUES(3, 'x'), (3, 'x'), (5, 'x'), (5, 'x')",
            mixed),
        ShapeCase(
            "WITHOUT ROWID",
            "CREATE TABLE t(b TEXT, a INTEGER PRIMARY KEY) WITHOUT ROWID; \(numbers) INSERT INTO t SELECT 'r' || i, i FROM n",
            mixed + "; UPDATE t SET a = a + 5000 WHERE a % 4 = 0"),
        ShapeCase(
            "STRICT",
            "CREATE TABLE t(a INT, b TEXT, c ANY, d REAL) STRICT; \(numbers) INSERT INTO t SELECT i, i, CASE i % 3 WHEN 0 THEN i WHEN 1 THEN '' || i ELSE i / 2.0 END, i FROM n",
            mixed + "; UPDATE t SET c = '12', d = 7 WHERE a % 2 = 0"),
        ShapeCase(
            "composite keys",
            "CREATE TABLE t(a INT, b TEXT, c, PRIMARY KEY(b, a)) WITHOUT ROWID; \(numbers) INSERT INTO t SELECT i, 'k' || i % 4, i FROM n",
            "UPDATE t SET a = a + 100 WHERE b = 'k1'; DELETE FROM t WHERE a < 9; UPDATE t SET b = b || b"),
        ShapeCase(
            "NULL in keys",
            "CREATE TABLE t(a INT, b TEXT, PRIMARY KEY(a, b)); INSERT INTO t VALUES(NULL, 'x'), (NULL, 'x'), (3, NULL), (3, NULL), (5, 'y'), (6, 'z')",
            "UPDATE t SET b = b || 'x' WHERE a % 3 = 0; UPDATE t SET a = 9 WHERE a IS NULL AND rowid = 1; DELETE FROM t WHERE b IS NULL"
        ),
        ShapeCase(
            "generated columns",
            "CREATE TABLE t(a INT, b TEXT, c INT AS (a * 2) STORED, d TEXT AS (b || a) VIRTUAL); \(numbers) INSERT INTO t SELECT i, 'r' FROM n",
            mixed),
        ShapeCase(
            "virtual before stored",
            "CREATE TABLE t(v TEXT AS (b || a) VIRTUAL, a INT, w INT AS (a + 1) VIRTUAL, b TEXT, c INT AS (a * 2) STORED, d REAL DEFAULT 4); \(numbers) INSERT INTO t(a, b) SELECT i, 'r' FROM n",
            mixed + "; UPDATE t SET d = NULL WHERE a = 7; UPDATE t SET d = 3, a = a + 1 WHERE a > 30"),
        ShapeCase(
            "virtual before stored, WITHOUT ROWID",
            "CREATE TABLE t(v TEXT AS (b || a) VIRTUAL, a INT PRIMARY KEY, b TEXT, d DEFAULT 5) WITHOUT ROWID; \(numbers) INSERT INTO t(a, b) SELECT i, 'r' FROM n",
            mixed + "; UPDATE t SET a = a + 100 WHERE a > 30; UPDATE t SET d = NULL WHERE a = 7"),
        ShapeCase(
            "NOCASE keys changed in case only",
            "CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES('ab', 1), ('Cd', 2), ('EF', 3)",
            "UPDATE t SET a = upper(a), b = b + 1; DELETE FROM t WHERE a = 'cd'; INSERT INTO t VALUES('cD', 7)"),
        ShapeCase(
            "REAL columns with whole numbers",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b REAL, c DOUBLE PRECISION); \(numbers) INSERT INTO t SELECT i, i, i * 1.0 FROM n; INSERT INTO t VALUES(90, -0.0, 1e300), (91, 9007199254740993, -9e999)",
            "UPDATE t SET b = a WHERE a % 3 = 0; UPDATE t SET c = -0.0 WHERE a = 5; UPDATE t SET b = '17' WHERE a = 8; DELETE FROM t WHERE a > 80 OR a = 2; INSERT INTO t VALUES(95, 12, -0.0)"
        ),
        ShapeCase(
            "values that a column converts",
            "CREATE TABLE t(i INTEGER, n NUMERIC, x TEXT, r REAL, o BLOB); \(numbers) INSERT INTO t SELECT i, i, i, i, i FROM n",
            "UPDATE t SET x = 5, n = '0012', i = 7.0, r = '3', o = 4.0 WHERE rowid % 3 = 0; UPDATE t SET x = 2.5, n = 1e3, i = '2024-01-01', r = 'no' WHERE rowid % 3 = 1; UPDATE t SET i = '9', n = -0.0 WHERE rowid = 5"
        ),
        ShapeCase(
            "150 columns",
            "CREATE TABLE t(\((0..<150).map { "c\($0)" }.joined(separator: ", "))); \(numbers) INSERT INTO t(c0, c9, c149) SELECT i, i, 'x' FROM n",
            "UPDATE t SET c149 = c0, c8 = 1, c7 = x'00' WHERE c0 % 2 = 0; DELETE FROM t WHERE c0 % 5 = 1"),
        ShapeCase(
            "values of 1 MB",
            "CREATE TABLE t(a INT, b BLOB); INSERT INTO t VALUES(3, zeroblob(1000000)), (5, CAST(hex(zeroblob(600000)) AS BLOB)), (6, hex(zeroblob(500000)))",
            "UPDATE t SET b = b || x'01' WHERE a = 3; DELETE FROM t WHERE a = 5; UPDATE t SET b = zeroblob(999999) WHERE a = 6; INSERT INTO t VALUES(7, zeroblob(700000))"
        ),
        ShapeCase(
            "values of 2 MB, which are kept in a file",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB, c TEXT, d); INSERT INTO t VALUES(1, randomblob(2000000), hex(randomblob(600000)), 1), (2, randomblob(1048576), 'x', 2), (3, randomblob(1048575), NULL, 3), (4, randomblob(1500000), '', zeroblob(2000000)), (5, 'x', NULL, hex(zeroblob(900000))), (6, zeroblob(1100000), 'y', 6)",
            "UPDATE t SET b = b || x'01', d = d + 1 WHERE a < 3; UPDATE t SET b = b; UPDATE t SET c = b, b = c WHERE a = 4; UPDATE t SET d = hex(zeroblob(900000)), c = 'z' WHERE a = 5; DELETE FROM t WHERE a = 3; UPDATE t SET a = 60 WHERE a = 6; INSERT INTO t VALUES(7, CAST(replace(hex(zeroblob(600000)), '0', 'c') AS BLOB), replace(hex(zeroblob(600000)), '0', 'b'), NULL); UPDATE t SET b = NULL WHERE a = 2; REPLACE INTO t VALUES(1, CAST(replace(hex(zeroblob(550000)), '0', 'd') AS BLOB), 1.5, 'r')"
        ),
        ShapeCase(
            "values of 2 MB in keys, indexes, triggers and converted columns",
            "CREATE TABLE t(a, b UNIQUE, c REFERENCES t(b)); CREATE TABLE log(x INTEGER, y TEXT, z DEFAULT 'q'); CREATE TABLE w(k TEXT PRIMARY KEY, v, x) WITHOUT ROWID; CREATE TABLE g(v AS (length(a)) VIRTUAL, a, b); CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO log(x, y) VALUES(new.b, new.a); UPDATE t SET a = old.b WHERE rowid = new.rowid AND typeof(new.a) = 'integer'; END; INSERT INTO t VALUES(randomblob(1100000), randomblob(1100000), NULL), (1, randomblob(1200000), NULL); INSERT INTO w VALUES(hex(randomblob(600000)), randomblob(1100000), 1), ('k', randomblob(1100000), 2); INSERT INTO g VALUES(randomblob(1100000), hex(randomblob(600000))); INSERT INTO log VALUES(randomblob(1100000), randomblob(1100000), 1)",
            "UPDATE t SET a = 5 WHERE rowid = 2; UPDATE t SET a = CAST(replace(hex(zeroblob(550000)), '0', 'e') AS BLOB), c = b WHERE rowid = 1; UPDATE w SET v = v || 1, x = CAST(replace(hex(zeroblob(550000)), '0', 'f') AS BLOB); DELETE FROM w WHERE k <> 'k'; UPDATE g SET a = b; UPDATE log SET z = CAST(replace(hex(zeroblob(550000)), '0', 'g') AS BLOB), y = CAST(replace(hex(zeroblob(550000)), '0', 'h') AS BLOB), x = '3'; DELETE FROM log WHERE x = 3 AND rowid = 1"
        ),
        ShapeCase(
            "tables that hide their rowid",
            "CREATE TABLE t(rowid TEXT, _rowid_ INT, oid TEXT, v DEFAULT 7); CREATE INDEX i ON t(oid); CREATE VIEW w AS SELECT oid FROM t; INSERT INTO t VALUES('a', 1, 'x', 1), ('a', 1, 'x', NULL), ('b', 3, 'y', 4)",
            "UPDATE t SET v = 9, oid = 'q' WHERE _rowid_ = 1; DELETE FROM t WHERE rowid = 'b'; INSERT INTO t VALUES('n', 5, NULL, NULL)"
        ),
        ShapeCase(
            "rows from before ADD COLUMN",
            "CREATE TABLE t(a INT, b TEXT); \(numbers) INSERT INTO t SELECT i, 'r' FROM n; ALTER TABLE t ADD COLUMN c DEFAULT 7; INSERT INTO t VALUES(70, 'z', NULL)",
            mixed + "; UPDATE t SET c = 8 WHERE a = 8"),
        ShapeCase(
            "short rows copied to another table",
            "CREATE TABLE s(a INT PRIMARY KEY, b TEXT) WITHOUT ROWID; CREATE TABLE r(a INT, b TEXT); \(numbers) INSERT INTO s SELECT i, 'r' FROM n; INSERT INTO r SELECT * FROM s; ALTER TABLE s ADD COLUMN c DEFAULT 7; ALTER TABLE r ADD COLUMN c DEFAULT 7; CREATE TABLE s2(a INT PRIMARY KEY, b TEXT, c DEFAULT 7) WITHOUT ROWID; CREATE TABLE r2(a INT, b TEXT, c DEFAULT 7)",
            "INSERT INTO s2 SELECT * FROM s; INSERT INTO r2 SELECT * FROM r; DELETE FROM s2 WHERE a % 2 = 0; UPDATE r2 SET a = 1"
        ),
        ShapeCase(
            "UTF-16le",
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a INT, b TEXT COLLATE NOCASE UNIQUE); \(numbers) INSERT INTO t SELECT i, 'é✓😀' || i FROM n; INSERT INTO t VALUES(300, CAST(x'00d8' AS TEXT)), (303, '')",
            mixed),
        ShapeCase(
            "UTF-16be",
            "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t(a INT, b TEXT PRIMARY KEY) WITHOUT ROWID; \(numbers) INSERT INTO t SELECT i, 'é✓😀' || i FROM n",
            "UPDATE t SET b = b || 'x' WHERE a % 3 = 0; DELETE FROM t WHERE a % 5 = 0"),
        ShapeCase(
            "64 KiB pages",
            "PRAGMA page_size = 65536; CREATE TABLE t(a INT, b TEXT); \(numbers) INSERT INTO t SELECT i, hex(zeroblob(40000)) FROM n",
            mixed),
        ShapeCase(
            "text that is not text",
            "CREATE TABLE t(a INT, b TEXT); INSERT INTO t VALUES(3, CAST(x'ff00fe' AS TEXT)), (5, CAST(x'610062' AS TEXT)), (6, ''), (9, x''), (12, NULL)",
            mixed),
        ShapeCase(
            "DELETE of all rows",
            "CREATE TABLE t(a INT, b TEXT); CREATE TABLE u(a INTEGER PRIMARY KEY); \(numbers) INSERT INTO t SELECT i, 'r' FROM n; INSERT INTO u VALUES(1), (-9223372036854775808), (9223372036854775807)",
            "DELETE FROM t; DELETE FROM u"),
        ShapeCase(
            "rowid changed",
            "CREATE TABLE t(a INT, b TEXT); \(numbers) INSERT INTO t SELECT i, 'r' FROM n; CREATE TABLE u(id INTEGER PRIMARY KEY, v); INSERT INTO u VALUES(1, 'a'), (2, 'b'), (3, 'c')",
            "UPDATE t SET rowid = rowid + 1000; UPDATE t SET rowid = -rowid, b = 'q' WHERE a = 4; UPDATE u SET id = -id; UPDATE u SET id = id + 10"
        ),
    ]

    static let constraints: [ShapeCase] = [
        ShapeCase(
            "triggers",
            "CREATE TABLE t(a INT, b TEXT); CREATE TABLE log(x, y); CREATE TRIGGER i AFTER INSERT ON t BEGIN INSERT INTO log VALUES('i', new.a); END; CREATE TRIGGER u BEFORE UPDATE ON t BEGIN INSERT INTO log VALUES(old.b, new.b); END; CREATE TRIGGER d AFTER DELETE ON t BEGIN DELETE FROM log WHERE y = old.a; END; \(numbers) INSERT INTO t SELECT i, 'r' FROM n",
            mixed),
        ShapeCase(
            "triggers that write the same row",
            "CREATE TABLE t(a INT, b TEXT, n INT DEFAULT 0, m AS (a) VIRTUAL, z DEFAULT 1); CREATE TRIGGER i AFTER INSERT ON t BEGIN UPDATE t SET n = n + 1 WHERE rowid = new.rowid; END; CREATE TRIGGER u AFTER UPDATE OF b ON t BEGIN UPDATE t SET n = n + 10, z = NULL WHERE rowid = new.rowid; END; CREATE TRIGGER v BEFORE UPDATE OF b ON t BEGIN UPDATE t SET z = 5 WHERE rowid = old.rowid; END; \(numbers) INSERT INTO t(a, b) SELECT i, 'r' FROM n",
            mixed),
        ShapeCase(
            "foreign key cascades",
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, v); CREATE TABLE g(c INT, p REFERENCES p ON DELETE SET NULL, q DEFAULT 1 REFERENCES p ON DELETE SET DEFAULT); \(numbers) INSERT INTO p SELECT i FROM n; INSERT INTO c SELECT id, 'c' FROM p; INSERT INTO g SELECT id, id, id FROM p",
            "DELETE FROM p WHERE id % 4 = 2; UPDATE p SET id = id + 100 WHERE id = 5 AND 0; DELETE FROM g WHERE q = 1; UPDATE p SET id = 900 WHERE id = 4 AND NOT EXISTS (SELECT 1 FROM g WHERE q = 4)"
        ),
        ShapeCase(
            "self-referencing foreign keys",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t ON DELETE CASCADE); INSERT INTO t VALUES(1, NULL), (2, 1), (3, 2), (4, 3), (5, 5)",
            "DELETE FROM t WHERE id = 2; INSERT INTO t VALUES(9, 9), (10, 9); DELETE FROM t WHERE id = 5"),
        ShapeCase(
            "OR REPLACE",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE, c UNIQUE); INSERT INTO t VALUES(1, 'x', 10), (2, 'y', 20), (3, 'z', 30)",
            "INSERT OR REPLACE INTO t VALUES(1, 'y', 30); UPDATE OR REPLACE t SET a = 1 WHERE a = 2; REPLACE INTO t VALUES(7, 'q', 70), (7, 'r', 70)"
        ),
        ShapeCase(
            "upsert", "CREATE TABLE t(a TEXT UNIQUE, n INT); INSERT INTO t VALUES('x', 1), ('y', 2)",
            "INSERT INTO t VALUES('x', 5), ('z', 6), ('z', 7) ON CONFLICT(a) DO UPDATE SET n = n + excluded.n; INSERT INTO t VALUES('y', 9) ON CONFLICT DO NOTHING"
        ),
        ShapeCase(
            "OR IGNORE", "CREATE TABLE t(a INT UNIQUE, b TEXT NOT NULL); INSERT INTO t VALUES(1, 'x'), (2, 'y')",
            "INSERT OR IGNORE INTO t VALUES(1, 'q'), (3, NULL), (4, 'w'); UPDATE OR IGNORE t SET a = 2"),
        ShapeCase(
            "AUTOINCREMENT",
            "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b); CREATE TABLE u(a INTEGER PRIMARY KEY AUTOINCREMENT, b); INSERT INTO t(b) VALUES('x'), ('y'); DELETE FROM t WHERE a = 2",
            "INSERT INTO t(b) VALUES('z'); INSERT INTO u VALUES(100, 'q'); DELETE FROM u; DELETE FROM t; UPDATE sqlite_sequence SET seq = 77 WHERE name = 't'"
        ),
        ShapeCase(
            "partial and expression indexes",
            "CREATE TABLE t(a INT, b TEXT); CREATE UNIQUE INDEX i ON t(b) WHERE a % 2; CREATE UNIQUE INDEX j ON t(a + length(b)); CREATE INDEX k ON t(lower(b) DESC, a); \(numbers) INSERT INTO t SELECT i, 'r' || printf('%02d', i) FROM n",
            "UPDATE t SET a = a + 1000; DELETE FROM t WHERE a > 1030; UPDATE t SET b = upper(b)"),
        ShapeCase(
            "views with INSTEAD OF triggers",
            "CREATE TABLE t(a INT, b TEXT); CREATE VIEW v AS SELECT a, b FROM t; CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES(new.a, new.b || '!'); END; CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM t WHERE a = old.a; END; \(numbers) INSERT INTO t SELECT i, 'r' FROM n",
            "INSERT INTO v VALUES(500, 'v'); DELETE FROM v WHERE a < 9"),
        ShapeCase(
            "UNIQUE values swapped and rotated",
            "CREATE TABLE t(id INTEGER PRIMARY KEY, u INT UNIQUE); INSERT INTO t VALUES(1, 10), (2, 20), (3, 30)",
            "UPDATE t SET u = -1 WHERE id = 1; UPDATE t SET u = 10 WHERE id = 2; UPDATE t SET u = 20 WHERE id = 3; UPDATE t SET u = 30 WHERE id = 1"
        ),
        ShapeCase(
            "UPDATE FROM and RETURNING",
            "CREATE TABLE t(a INT, b TEXT); CREATE TABLE s(a INT, b TEXT); \(numbers) INSERT INTO t SELECT i, 'r' FROM n; INSERT INTO s VALUES(3, 'three'), (4, 'four')",
            "UPDATE t SET b = s.b FROM s WHERE s.a = t.a; DELETE FROM t WHERE a > 35 RETURNING a; INSERT INTO t VALUES(77, 'x') RETURNING rowid"
        ),
    ]
}
