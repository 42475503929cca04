"""Random schemas in which one statement changes rows more than once, and statements on them, in batches.

argv is the extension, the first seed, how many, and perhaps the tool, which then undoes a few from its copies. For each seed the same statements run in three copies of a database:
without a batch, recorded by the hook, and recorded by TEMP triggers. All three must end alike, both records must say the
same, and undoing a batch, and undoing that again, must give the rows of before and after.
"""
import os
import random
import shutil
import sqlite3
import subprocess
import sys

library, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tool = sys.argv[4] if len(sys.argv) > 4 else None
keep = os.environ.get("KEEP")
ACTIONS = ["CASCADE", "SET NULL", "SET DEFAULT", "NO ACTION", "RESTRICT"]
CLAUSES = ["", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT"]


def connect(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.enable_load_extension(True)
    db.load_extension(library)
    return db


class Schema:
    def __init__(self, r):
        self.r = r
        self.statements = []
        self.columns = {}
        for table in ["t", "c", "s"]:
            self.make(table)
        for number in range(r.choice([0, 1, 1, 2, 3])):
            self.trigger("x%d" % number)

    def reference(self, parent):
        r = self.r
        text = " REFERENCES %s(id)" % parent
        text += " ON UPDATE %s" % r.choice(ACTIONS) if r.random() < 0.8 else ""
        text += " ON DELETE %s" % r.choice(ACTIONS) if r.random() < 0.8 else ""
        return text + r.choice(["", "", " DEFERRABLE INITIALLY DEFERRED"])

    def conflict(self):
        return self.r.choice(["", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE", " ON CONFLICT FAIL"])

    def make(self, table):
        r = self.r
        kind = r.choice(["INTEGER", "INT", "INT", "TEXT COLLATE NOCASE", "REAL", "ANY"])
        isNoRowid = kind != "INTEGER" and r.random() < 0.4
        columns = ["id %s PRIMARY KEY%s" % (kind, self.conflict())]
        wide = isNoRowid and r.random() < 0.3
        if wide:
            columns = ["id %s UNIQUE" % kind]
        columns.append("u %s" % r.choice(["", "UNIQUE" + self.conflict(), "COLLATE NOCASE UNIQUE"]))
        default = r.choice(["DEFAULT 1", "NOT NULL DEFAULT 2", "NOT NULL ON CONFLICT REPLACE DEFAULT 3 UNIQUE", ""])
        columns.append("v " + default)
        parent = r.choice({"t": "ttts", "c": "ttcs", "s": "cts"}[table])
        columns.append("p %s%s" % (r.choice(["", "DEFAULT 1"]), self.reference(parent) if r.random() < 0.85 else ""))
        columns.append("q" + (self.reference(r.choice("tcs")) if r.random() < 0.3 else ""))
        self.columns[table] = ["id", "u", "v", "p", "q"]
        if wide:
            columns.append("PRIMARY KEY(id, q)")
        elif r.random() < 0.2:
            columns.append("UNIQUE(v, u)%s" % self.conflict())
        self.statements.append("CREATE TABLE %s(%s)%s" % (table, ", ".join(columns), " WITHOUT ROWID" if isNoRowid else ""))
        if r.random() < 0.15:
            self.statements.append("CREATE UNIQUE INDEX i%s ON %s(%s)%s" % (
                table, table, r.choice(["q", "v + 1", "u, q"]), r.choice(["", " WHERE v > 2"])))

    def value(self, names=()):
        r = self.r
        return r.choice([str(r.randint(1, 6)), str(r.randint(1, 6)), str(r.randint(1, 9)), "NULL", "'a'", "'A'", "2.5", *names])

    def where(self, names=()):
        r = self.r
        column = r.choice(["id", "id", "id", "u", "p", "v"])
        return r.choice([
            "%s = %s" % (column, self.value(names)), "%s = %s" % (column, r.choice(names) if names else self.value()),
            "%s < %d" % (column, r.randint(1, 7)), "%s IN (%d, %d)" % (column, r.randint(1, 6), r.randint(1, 6))])

    def statement(self, names=(), isInTrigger=False):
        r = self.r
        table = r.choice("tttcs")
        clause = r.choice(CLAUSES)
        kind = r.random()
        if kind < 0.45:
            column = r.choice(["id", "id", "u", "v", "p", "q"])
            value = r.choice([self.value(names), "%s + %d" % (column, r.choice([1, 10, -1])), "id", "7 - %s" % column])
            more = ", %s = %s" % (r.choice([c for c in ["u", "v", "q"] if c != column]), self.value(names)) if r.random() < 0.3 else ""
            return "UPDATE%s %s SET %s = %s%s%s" % (
                clause, table, column, value, more, " WHERE " + self.where(names) if isInTrigger or r.random() < 0.7 else "")
        if kind < 0.65:
            return "DELETE FROM %s%s" % (table, " WHERE " + self.where(names) if isInTrigger or r.random() < 0.9 else "")
        row = lambda: "(%s)" % ", ".join([
            self.value(names), self.value(names), r.choice([self.value(names), "NULL"]), self.value(names), self.value(names)])
        names_ = "(%s)" % ", ".join(self.columns[table])
        if kind < 0.75 and not isInTrigger:
            return "INSERT%s INTO %s%s SELECT id + %d, u, v, p, q FROM %s" % (
                clause, table, names_, r.choice([0, 1, 10]), r.choice("tcs"))
        rows = row() if isInTrigger else ", ".join(row() for _ in range(r.randint(1, 4)))
        upsert = ""
        if r.random() < 0.3:
            upsert = r.choice([
                " ON CONFLICT DO UPDATE SET v = excluded.v", " ON CONFLICT DO NOTHING", " ON CONFLICT DO UPDATE SET id = id + 20"])
        return "INSERT%s INTO %s%s VALUES%s%s" % (clause, table, names_, rows, upsert)

    def trigger(self, name):
        r = self.r
        event = r.choice(["UPDATE", "UPDATE", "DELETE", "INSERT"])
        names = {"UPDATE": ["old.id", "new.id", "new.u"], "DELETE": ["old.id", "old.p"], "INSERT": ["new.id", "new.p"]}[event]
        body = []
        for _ in range(r.choice([1, 1, 2])):
            if r.random() < 0.1:
                raised = r.choice(["IGNORE", "FAIL, 'no'", "ABORT, 'no'"])
                body.append("SELECT RAISE(%s) WHERE %s > 3" % (raised, r.choice(names)))
            else:
                body.append(self.statement(names, True))
        when = " WHEN (SELECT count(*) FROM t) < 40 AND (SELECT sum(length(v)) FROM t) < 60" if r.random() < 0.9 else ""
        self.statements.append("CREATE TRIGGER %s %s %s%s ON %s%s BEGIN %s; END" % (
            name, r.choice(["BEFORE", "BEFORE", "AFTER", ""]), event,
            r.choice([""] * 3 + [" OF v, id"]) if event == "UPDATE" else "", r.choice("tttcs"), when, "; ".join(body)))


def state(db):
    found = {}
    for table in ["t", "c", "s"]:
        hasRowid = "WITHOUT ROWID" not in db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        columns = ["rowid"] if hasRowid else []
        found[table] = sorted(db.execute("SELECT %s FROM %s" % (
            ", ".join("quote(%s)" % c for c in columns + ["id", "u", "v", "p", "q"]), table)).fetchall())
    return found


def attempt(db, sql):
    try:
        db.execute(sql).fetchall()
        return "ok"
    except sqlite3.Error as error:
        return str(error)


class Refused(Exception):
    pass


def work(db, statements, capture):
    if capture == "idle":
        # That there are triggers is enough for SQLite to count violations of foreign keys in another way.
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            db.execute("PRAGMA recursive_triggers = ON")
        for time in ["BEFORE", "AFTER"]:
            for event in ["INSERT", "UPDATE", "DELETE"]:
                for table in ["t", "c", "s"]:
                    db.execute("CREATE TEMP TRIGGER %s%s%s %s %s ON main.%s BEGIN SELECT 1; END" % (
                        time, event, table, time, event, table))
        capture = None
    if capture:
        db.execute("SELECT batch_begin('b', NULL, '{\"capture\": \"%s\"}')" % capture).fetchall()
    else:
        db.execute("BEGIN IMMEDIATE")
    said = []
    for sql in statements:
        if sql == "checkpoint":
            if not capture: continue
            result = attempt(db, "SELECT batch_checkpoint('c')")
        else:
            result = attempt(db, sql)
        if "ERR_DATA_CONSTRAINT" in result:
            return said, False
        if "ERR_" in result:
            raise Refused(result)
        if sql != "checkpoint":
            said.append(result)
    result = attempt(db, "SELECT batch_commit()" if capture else "COMMIT")
    if "ERR_" in result and "FOREIGN KEY" not in result:
        raise Refused(result)
    return said, result == "ok"


def changes(db):
    return sorted(map(repr, db.execute("SELECT * FROM batch_changes('b')").fetchall()))


def counts(db):
    row = db.execute("SELECT * FROM batch_log WHERE job = 'b'").fetchone()
    return row[6:9]


def fromCopies(seed, path, before, after):
    """Undoes the batch from the git history and from the .bak, with the tool."""
    folder = "%d.tool" % seed
    os.mkdir(folder)
    copy = folder + "/app.db"
    shutil.move(path, copy)
    for source in ["git", "bak"]:
        for line in ["rollback --id b --source " + source, "verify", "rollback --id rollback", "verify", "drill"]:
            run = subprocess.run([tool, *line.split(), "--db", copy], capture_output=True, text=True)
            assert run.returncode == 0, (line, source, run.stdout, run.stderr)
            if line.startswith("rollback"):
                db = sqlite3.connect(copy)
                assert state(db) == (before if "--source" in line else after), (line, source)
                db.close()
    if not keep: shutil.rmtree(folder)


refusals = differing = committed = copied = 0
for seed in range(first, first + count):
    r = random.Random(seed)
    path = "%d.db" % seed
    made = False
    while not made:
        schema = Schema(r)
        db = connect(path)
        made = all(attempt(db, sql) == "ok" for sql in schema.statements)
        if made:
            db.execute("PRAGMA foreign_keys = 1")
            for _ in range(40):
                attempt(db, "INSERT OR IGNORE INTO %s VALUES(%s)" % (r.choice("tcs"), ", ".join(
                    r.choice("123456N").replace("N", "NULL") for _ in range(5))))
            foreign, recursive = r.random() < 0.85, r.random() < 0.3
        db.close()
        if not made:
            os.remove(path)
    statements = []
    for _ in range(r.randint(1, 6)):
        statements.append(schema.statement())
        if r.random() < 0.15:
            statements.append("checkpoint")
        elif r.random() < 0.15:
            statements += ["SAVEPOINT a", schema.statement(), r.choice(["ROLLBACK TO a", "RELEASE a"])]
    ends, wanted = {}, None
    try:
        for capture in [None, "idle", "hook", "triggers"]:
            copy = "%d.%s.db" % (seed, capture)
            shutil.copyfile(path, copy)
            db = connect(copy)
            db.execute("PRAGMA foreign_keys = %d" % foreign)
            db.execute("PRAGMA recursive_triggers = %d" % recursive)
            before = state(db)
            said = work(db, statements, capture)
            # What is left after a COMMIT that failed is a matter of the transaction.
            after = state(db) if said[1] else before
            ends[capture] = (said, after)
            if capture not in ["hook", "triggers"] or before == after:
                db.close()
                continue
            ends[capture] += (changes(db), counts(db))
            if tool and capture == "triggers" and foreign and committed % 10 == 0:
                wanted = copy + ".tool"
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                shutil.copyfile(copy, wanted)
            db.execute("SELECT batch_rollback('b')").fetchall()
            assert state(db) == before, "the undo differs"
            if db.execute("PRAGMA foreign_key_check").fetchall() or not foreign:
                # To bring back what refers to nothing is refused.
                db.close()
                wanted = None
                continue
            db.execute("SELECT batch_rollback((SELECT batch FROM batch_log WHERE kind = 'rollback'))").fetchall()
            assert state(db) == after, "the redo differs"
            db.close()
            if wanted:
                copied += 1
                fromCopies(seed, wanted, before, after)
        # SQLite ends the statement there, and goes back to its beginning only where it could.
        if any("datatype mismatch" in said for end in ends.values() for said in end[0][0]):
            continue
        # A checkpoint checks what COMMIT does.
        if "checkpoint" in statements and not ends["hook"][0][1]:
            ends[None] = ends["hook"]
        if "checkpoint" in statements and not ends["triggers"][0][1]:
            ends["idle"] = ends["triggers"]
        assert ends["hook"][:2] == ends[None][:2], "with the hook the statements do something else"
        assert ends["triggers"][:2] == ends["idle"][:2], "with triggers the statements do something else"
        if len(ends["hook"]) > 2 and ends[None] == ends["idle"]:
            committed += 1
            assert ends["hook"][2] == ends["triggers"][2], "the records differ"
            if ends["hook"][3] != ends["triggers"][3]:
                differing += 1
                print("seed", seed, "counts", ends["hook"][3], ends["triggers"][3], statements if keep else "")
        for capture in [None, "idle", "hook", "triggers"]:
            if not keep: os.remove("%d.%s.db" % (seed, capture))
        if not keep: os.remove(path)
    except Refused as refusal:
        refusals += 1
        print("seed", seed, "refused with", capture, refusal, foreign, recursive, statements if keep else "")
    except Exception as error:
        print("seed", seed, capture, type(error).__name__, error)
        print(";\n".join(schema.statements + ["PRAGMA foreign_keys = %d" % foreign, "PRAGMA recursive_triggers = %d" % recursive] + statements) + ";")
        for name, end in ends.items():
            print(name, end[0], end[3:], *end[2:3])
        sys.stdout.flush()
        if keep: sys.exit(1)
        failed = True
print("committed", committed, "refused", refusals, "counts differ", differing, "from copies", copied)
sys.exit(1 if "failed" in globals() else 0)
