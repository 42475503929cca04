"""Random work on tables of every kind, in batches that are undone: argv is the extension and the way of recording."""
import random
import sqlite3
import sys

library, capture = sys.argv[1:3]
db = sqlite3.connect("app.db", isolation_level=None)
db.enable_load_extension(True)
db.load_extension(library)
WIDE = ", ".join("c%d" % number for number in range(150))
db.executescript("""
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u UNIQUE, r REAL);
    CREATE TABLE w(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
    CREATE TABLE n(x, y COLLATE NOCASE UNIQUE);
    CREATE TABLE g(k INTEGER PRIMARY KEY, a, b AS (a * 2) STORED, d AS (a * 3));
    CREATE TABLE p(id INTEGER PRIMARY KEY, x, y);
    CREATE UNIQUE INDEX pp ON p(x) WHERE y = 1;
    CREATE TABLE wide(id INTEGER PRIMARY KEY, %s);
    CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
    CREATE TABLE par(id INTEGER PRIMARY KEY, name);
    CREATE TABLE chi(id INTEGER PRIMARY KEY, pid REFERENCES par(id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE log(m);
    CREATE TRIGGER tt AFTER UPDATE ON t BEGIN
        INSERT INTO log VALUES(OLD.v || NEW.v);
        UPDATE t SET r = r + 1 WHERE id = NEW.id AND NEW.r < 5;
    END;
    CREATE TRIGGER bt BEFORE INSERT ON t BEGIN INSERT INTO log VALUES('b'); END;
    INSERT INTO t VALUES(1,'a',1,1),(2,'b',2,2),(3,'c',3,7);
    INSERT INTO w VALUES(1,1,1),(2,2,2);
    INSERT INTO n VALUES(1,'A'),(2,'B');
    INSERT INTO g(k, a) VALUES(1,1),(2,2);
    INSERT INTO p VALUES(1,1,1),(2,2,1);
    INSERT INTO wide(id, c0, c149) VALUES(1,'x','y');
    INSERT INTO counted(v) VALUES('a'),('b');
    INSERT INTO par VALUES(1,'p'),(2,'q');
    INSERT INTO chi VALUES(1,1),(2,1),(3,2);
""" % WIDE)
TABLES = ["t", "w", "n", "g", "p", "wide", "counted", "par", "chi", "log", "sqlite_sequence"]
STATEMENTS = [
    "UPDATE t SET v = v || '!'",
    "INSERT OR REPLACE INTO t VALUES(2,'z',3,0)",
    "INSERT INTO t VALUES(9,'q',9,9) ON CONFLICT(id) DO UPDATE SET v = 'up'",
    "INSERT INTO t VALUES(3,'q',99,9) ON CONFLICT(id) DO UPDATE SET v = 'up', u = 77",
    "INSERT INTO t SELECT id + 50, v, CASE id WHEN 3 THEN 1 ELSE id + 50 END, r FROM t",
    "UPDATE OR REPLACE t SET id = 1 WHERE id = 2",
    "UPDATE OR FAIL t SET u = 3 WHERE id < 3",
    "UPDATE t SET u = 10 - u WHERE typeof(u) = 'integer'",
    "DELETE FROM t",
    "UPDATE OR REPLACE w SET b = 2, a = 2 WHERE a = 1",
    "REPLACE INTO w VALUES(2,2,'new')",
    "DELETE FROM w WHERE a = 1",
    "REPLACE INTO n VALUES(7,'a')",
    "INSERT OR IGNORE INTO n VALUES(8,'b')",
    "INSERT INTO n(rowid, x, y) VALUES(1,'r','zz')",
    "REPLACE INTO n(rowid, x, y) VALUES(1,'r','zz')",
    "UPDATE g SET a = a + 1",
    "DELETE FROM g WHERE k = 1",
    "INSERT INTO g(k, a) VALUES(10,5)",
    "INSERT INTO p VALUES(5,3,1)",
    "UPDATE p SET y = 2",
    "UPDATE wide SET c149 = 'q', c3 = 4",
    "DELETE FROM wide",
    "INSERT INTO wide(id, c5) VALUES(4,4)",
    "INSERT INTO counted(v) VALUES('c')",
    "DELETE FROM counted",
    "PRAGMA foreign_keys = ON",
    "DELETE FROM par WHERE id = 1",
    "UPDATE par SET id = id + 10",
    "DELETE FROM log",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "RELEASE a",
    "SELECT batch_checkpoint('more')",
]


def dump():
    return {table: db.execute("SELECT * FROM %s ORDER BY 1" % table).fetchall() for table in TABLES}


def check(statements):
    before = dump()
    options = '{"capture": "%s"}' % capture
    (batch,) = db.execute("SELECT batch_begin('work', NULL, ?)", (options,)).fetchone()
    for sql in statements:
        try:
            db.execute(sql).fetchall()
        except sqlite3.Error as error:
            assert "batch" not in str(error), (sql, error)
    db.execute("SELECT batch_commit()")
    for table in TABLES[:-1]:
        state = db.execute("SELECT digest = batch_digest(?) FROM batchmgr_state WHERE table_name = ?", (table, table))
        assert state.fetchall() == [(1,)], (statements, table)
    db.execute("SELECT batch_rollback(?)", (batch,))
    after = dump()
    assert after == before, (statements, [(t, before[t], after[t]) for t in TABLES if before[t] != after[t]])


random.seed(7)
for sql in STATEMENTS:
    check([sql])
for _ in range(150):
    check(random.choices(STATEMENTS, k=7))
print("undone", len(STATEMENTS) + 150)
