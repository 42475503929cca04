"""Random changes of the schema between changes of rows, in batches that are undone.

argv is the extension, the way of recording, and the number of random batches.
"""
import random
import sys

library, capture, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
if capture == "apsw":
    import apsw
    db = apsw.Connection("app.db")
    db.enable_load_extension(True)
    db.load_extension(library)
    Error = apsw.Error
    options = "{}"
else:
    import sqlite3
    db = sqlite3.connect("app.db", isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(library)
    Error = sqlite3.Error
    options = '{"capture": "%s"}' % capture


def q(sql, *values):
    return list(db.execute(sql, values))


SCHEMA = """
    CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u UNIQUE, r REAL);
    CREATE TABLE w(a, b, c, PRIMARY KEY(a, b)) WITHOUT ROWID;
    CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
    CREATE TABLE par(id INTEGER PRIMARY KEY, name);
    CREATE TABLE chi(id INTEGER PRIMARY KEY, pid REFERENCES par(id) ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE TABLE log(m);
    CREATE INDEX tv ON t(v);
    CREATE VIEW seen AS SELECT id, v FROM t;
    CREATE TRIGGER tt AFTER UPDATE ON t BEGIN INSERT INTO log VALUES(OLD.v || NEW.v); END;
    CREATE TRIGGER bt BEFORE INSERT ON t BEGIN INSERT INTO log VALUES('b'); END;
    INSERT INTO t VALUES(1,'a',1,1),(2,'b',2,2),(3,'c',3,7);
    INSERT INTO w VALUES(1,1,1),(2,2,2);
    INSERT INTO counted(v) VALUES('a'),('b');
    INSERT INTO par VALUES(1,'p'),(2,'q');
    INSERT INTO chi VALUES(1,1),(2,1),(3,2);
"""
for sql in SCHEMA.split(";\n"):
    if "TRIGGER" in sql:
        sql = sql.strip()
    if sql.strip():
        q(sql)
STATEMENTS = [
    "CREATE TABLE made(id INTEGER PRIMARY KEY, x TEXT, y UNIQUE)",
    "CREATE TABLE made AS SELECT id, v AS x, u AS y FROM t",
    "CREATE TABLE made(x, y, PRIMARY KEY(x)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS made(id INTEGER PRIMARY KEY AUTOINCREMENT, x, y)",
    "INSERT INTO made(x, y) VALUES('m', 5), ('n', 6)",
    "INSERT OR REPLACE INTO made(x, y) VALUES('m', 6)",
    "UPDATE made SET x = x || '+'",
    "DELETE FROM made WHERE y = 5",
    "DROP TABLE made",
    "DROP TABLE IF EXISTS [made]",
    "ALTER TABLE made ADD COLUMN z INTEGER NOT NULL DEFAULT 7",
    "UPDATE made SET z = z + 1",
    "ALTER TABLE made RENAME COLUMN x TO xx",
    "ALTER TABLE made RENAME TO other",
    "INSERT INTO other(y) VALUES('o')",
    "ALTER TABLE \"other\" RENAME TO made",
    "DROP TABLE other",
    "DROP TABLE t",
    "/* gone */ drop -- for good\n table main.t",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, u UNIQUE, r REAL)",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)",
    "ALTER TABLE t ADD COLUMN added TEXT DEFAULT 'q'",
    "ALTER TABLE t ADD COLUMN g AS (v || '?')",
    "ALTER TABLE t RENAME COLUMN v TO value",
    "ALTER TABLE t RENAME COLUMN value TO v",
    "ALTER TABLE t RENAME TO tt2",
    "ALTER TABLE tt2 RENAME TO t",
    "ALTER TABLE t DROP COLUMN r",
    "ALTER TABLE t ADD COLUMN missing NOT NULL",
    "UPDATE t SET added = 'r' WHERE id = 1",
    "UPDATE t SET v = v || '!'",
    "UPDATE tt2 SET v = v || '?'",
    "INSERT OR REPLACE INTO t(id, v, u) VALUES(2,'z',3)",
    "INSERT INTO t(v, u) VALUES('new', 77)",
    "DELETE FROM t WHERE id = 3",
    "CREATE INDEX IF NOT EXISTS made_index ON t(v, id)",
    "CREATE UNIQUE INDEX IF NOT EXISTS one ON t(v)",
    "CREATE UNIQUE INDEX IF NOT EXISTS part ON t(u) WHERE v > 'b'",
    "DROP INDEX IF EXISTS tv",
    "DROP INDEX IF EXISTS one",
    "CREATE VIEW IF NOT EXISTS made_view AS SELECT * FROM t",
    "DROP VIEW IF EXISTS made_view",
    "DROP VIEW IF EXISTS seen",
    "CREATE VIEW seen AS SELECT 1",
    "CREATE TRIGGER IF NOT EXISTS made_trigger AFTER INSERT ON t BEGIN INSERT INTO log VALUES('made'); END",
    "DROP TRIGGER IF EXISTS tt",
    "DROP TRIGGER IF EXISTS made_trigger",
    "CREATE TEMP TABLE side AS SELECT * FROM t",
    "CREATE TEMP TABLE w(x)",
    "DROP TABLE w",
    "ALTER TABLE w ADD COLUMN d DEFAULT 9",
    "UPDATE main.w SET c = c + 1",
    "DELETE FROM main.w WHERE a = 1",
    "DROP TABLE IF EXISTS temp.side",
    "DROP TABLE IF EXISTS temp.w",
    "INSERT INTO counted(v) VALUES('c')",
    "DROP TABLE counted",
    "DROP TABLE par",
    "DROP TABLE chi",
    "PRAGMA foreign_keys = ON",
    "PRAGMA foreign_keys = OFF",
    "DELETE FROM par WHERE id = 1",
    "ANALYZE",
    "REINDEX",
    "SAVEPOINT a",
    "SAVEPOINT b",
    "ROLLBACK TO a",
    "ROLLBACK TO b",
    "RELEASE a",
    "RELEASE b",
    "SELECT batch_checkpoint('more')",
]


def tables():
    return [n for (n,) in q(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'batchmgr%' ORDER BY name")]


def dump():
    found = {"": q("SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE name NOT LIKE 'batchmgr%' "
                   "AND tbl_name NOT LIKE 'batchmgr%' ORDER BY type, name")}
    for table in tables():
        where = " WHERE tbl NOT LIKE 'batchmgr%'" if table.startswith("sqlite_stat") else ""
        found[table] = sorted(q('SELECT * FROM main."%s"%s' % (table, where)), key=repr)
    return found


def check(statements, undo):
    before = dump()
    ((batch,),) = q("SELECT batch_begin('work', NULL, ?)", options)
    ran = []
    for sql in statements:
        try:
            q(sql)
            ran.append(sql)
        except Error as error:
            ran.append((sql, str(error)))
            text = str(error)
            if capture != "hook" and "drop column" in text:
                continue
            assert "batchmgr" not in text and "ERR_" not in text, (ran, text)
    try:
        q("SELECT batch_commit()")
    except Error as error:
        raise AssertionError((ran, str(error)))
    for name, digest, rows in q("SELECT table_name, digest, rows FROM batchmgr_state"):
        if name == "" or name.startswith("sqlite_"):
            continue
        if name not in tables():
            assert rows == 0, (ran, name, rows, tables())
            continue
        assert q("SELECT batch_digest(?)", name) == [(digest,)], (ran, name)
    after = dump()
    q("PRAGMA foreign_keys = OFF")
    if q("SELECT name FROM temp.sqlite_schema WHERE name = 'w'"):
        q("DROP TABLE temp.w")
    q("DROP TABLE IF EXISTS temp.side")
    if not undo:
        return
    try:
        ((back,),) = q("SELECT batch_rollback(?)", batch)
    except Error as error:
        raise AssertionError((ran, str(error)))
    now = dump()
    assert now == before, (ran, [(t, before.get(t), now.get(t)) for t in set(before) | set(now) if before.get(t) != now.get(t)])
    if random.random() < 0.3:
        try:
            q("SELECT batch_rollback(?)", back)
        except Error as error:
            # The batch itself left rows that refer to missing rows.
            if "would refer to missing rows" in str(error):
                return
            raise AssertionError((ran, str(error)))
        now = dump()
        assert now == after, (ran, [(t, after.get(t), now.get(t)) for t in set(after) | set(now) if after.get(t) != now.get(t)])
        q("SELECT batch_rollback('rollback', 'cascade')")
        assert dump() == before, ran


if __name__ == "__main__":
    random.seed(11)
    undo = True
    for sql in STATEMENTS:
        check([sql], undo)
        check(["UPDATE t SET v = v || 'x'", sql, "UPDATE t SET v = v || 'y'"], undo)
    for _ in range(rounds):
        check(random.choices(STATEMENTS, k=random.randint(2, 12)), undo)
    print("undone", 2 * len(STATEMENTS) + rounds)
