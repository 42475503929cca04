"""Finding what depends on a batch in a long ledger, and what recording the facts for it costs."""

import sqlite3
import time

from harness import Result, Table, median, milliseconds, peak_memory, plain

MIB = 2**20
TABLES = 50
BATCHES = 100_000
CHECKPOINTS = 10
TIME = "2026-01-01T00:00:00.000Z"


def varint(number):
    """As the ledger writes it: seven bits a byte, the low ones first."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def keys(low, high):
    """One run of rowids."""
    return varint((low + 2**63) % 2**64) + varint(high - low)


def schema():
    tables = (f"CREATE TABLE t{i}(id INTEGER PRIMARY KEY, a, b); INSERT INTO t{i} VALUES(1, 0, 0), (2, 0, 0), (3, 0, 0);"
              for i in range(TABLES))
    return "".join(tables)


def ledger(bench):
    """A database whose ledger names 100,000 batches of 10 checkpoints; few of them depend on the first, some read it."""
    folder = bench.folder / "dependents"
    folder.mkdir()
    database = sqlite3.connect(folder / "app.db", isolation_level=None)
    database.execute(f"PRAGMA journal_mode={bench.journal}")
    database.executescript(schema())
    database.close()
    bench.run(folder, "root", "UPDATE t0 SET a = 1, b = 1 WHERE id = 1")
    # These make the relations that the others share.
    for table in range(TABLES):
        bench.run(folder, "seed", f"UPDATE t{table} SET b = (SELECT b FROM t{(table + 1) % TABLES}) WHERE id = 2")
    # A chain of real dependents at the end of the ledger.
    fill(folder / "app.db", BATCHES // bench.divisor)
    for _ in range(5):
        bench.run(folder, "follow", "UPDATE t0 SET a = a + 1 WHERE id IN (1, 3)")
    return folder


def fill(path, batches):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=off")
    found = database.execute("SELECT id, kind, table_name, columns FROM batchmgr_relations").fetchall()
    rows = {table: id for id, kind, table, _ in found if kind == "rows"}
    read = {table: id for id, kind, table, columns in found if kind == "columns" and columns == "b"}
    first = database.execute("SELECT max(seq) FROM batchmgr_batches").fetchone()[0] + 1
    checkpoint = database.execute("SELECT max(id) FROM batchmgr_checkpoints").fetchone()[0] + 1
    database.execute("BEGIN")
    for number in range(batches):
        seq, table = first + number, f"t{number % TABLES}"
        database.execute(
            "INSERT INTO batchmgr_batches(seq, batch, job, number, kind, status, actor, trace_id, started_at, finished_at)"
            " VALUES(?, ?, 'fill', ?, 'batch', 'committed', 'bench', '', ?, ?)",
            (seq, f"fill.{number + 1}", number + 1, TIME, TIME))
        for part in range(CHECKPOINTS):
            id = checkpoint + number * CHECKPOINTS + part
            low = 1_000 + (number // TABLES * CHECKPOINTS + part) * 100
            database.execute(
                "INSERT INTO batchmgr_checkpoints(id, batch, number, step, committed_at, inserted, updated, deleted)"
                " VALUES(?, ?, ?, 's', ?, 0, 100, 0)", (id, seq, part + 1, TIME))
            facts = [(rows[table], 1, low, low + 99)]
            if part == 0:
                facts += [(read[table], 6, 0, 0), (read[table], 7, 0, 0)]
            for relation, side, low_key, high_key in facts:
                blob = keys(low_key, high_key) if side == 1 else varint(0) + varint(0)
                bounds = (low_key, high_key) if side == 1 else (-2**63, -2**63)
                database.execute(
                    "INSERT INTO batchmgr_facts VALUES(?, ?, ?, 0, ?, ?, ?, ?)",
                    (relation, id, side, *bounds, high_key - low_key + 1, blob))
    database.execute("COMMIT")
    database.close()


def dependents(bench):
    """dependents: graph of one batch among 100,000 batches of 10 checkpoints; facts as a part of a run."""
    folder = ledger(bench)
    spent, found = [], 0
    for _ in range(bench.repeats):
        document, wall = bench.tool(folder, "graph", "--id", "root.1")
        spent.append(wall)
        found = len(document["dependents"])
    command = [bench.batchmgr, "graph", "--id", "root.1", "--db", folder / "app.db", "--json"]
    peak = peak_memory(command)
    what = f"graph among {BATCHES // bench.divisor:,} batches, {found} dependents"
    results = [
        Result(what, milliseconds(median(spent)), aim="≤ 1 s", met=median(spent) <= 1),
        plain("its peak memory", f"{peak / MIB:.0f} MiB", "≤ 100 MiB", peak <= 100 * MIB),
    ]
    return Table("`batchmgr`", "", results + facts(bench))


def facts(bench):
    """The part of capture that writes facts, by the tool's own clock."""
    results = []
    source = bench.entries(100)
    for what, job in (
        ("one UPDATE of 100,000 rows", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id <= {rows}"),
        ("scattered rows", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id * 2654435761 % 7 = 1"),
    ):
        parts = []
        for _ in range(bench.repeats):
            phases = bench.run(bench.started(source, "ours"), "measured", job.format(rows=100_000 // bench.divisor))["phases"]
            parts.append(phases["facts_ms"] / phases["capture_ms"])
        part = median(parts)
        results.append(Result(f"facts of {what}", f"{part:.1%} of capture", aim="≤ 5 %", met=part <= 0.05))
    return results
