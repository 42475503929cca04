"""What grows with the history, and what must not: long ledgers, drills, prune, erase, large values."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time

from harness import Result, Table, median, milliseconds, peak_memory, plain

POINTS = 100_000
MIB = 2**20


def timed(bench, folder, *arguments):
    return median([bench.tool(folder, *arguments)[1] for _ in range(bench.repeats)])


def within(what, spent, most):
    return plain(what, milliseconds(spent), f"≤ {milliseconds(most)}", spent <= most)


def lengthen(path, count):
    """As many more batches and points as a ledger has after years, made from the last ones."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    last, = database.execute("SELECT max(seq) FROM batchmgr_batches").fetchone()
    point, = database.execute("SELECT max(id) FROM batchmgr_points").fetchone()

    def columns(table):
        return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]

    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    batch = ", ".join(
        {"seq": f"{last} + n.i", "batch": "'long.' || n.i", "job": "'long'", "number": "n.i",
         "idempotency_key": "NULL", "trace_id": "b.trace_id || n.i"}.get(name, f"b.{name}")
        for name in columns("batchmgr_batches"))
    database.execute(f"INSERT INTO batchmgr_batches {numbers} SELECT {batch} FROM n, batchmgr_batches AS b WHERE b.seq = {last}")
    # The newest point stays the newest: the others come before it.
    shifted = ", ".join("p.id + %d" % count if name == "id" else f"p.{name}" for name in columns("batchmgr_points"))
    database.execute(f"CREATE TEMP TABLE kept AS SELECT {shifted} FROM batchmgr_points AS p WHERE p.id = {point}")
    database.execute(f"DELETE FROM batchmgr_points WHERE id = {point}")
    copied = ", ".join(
        {"id": f"{point} - 1 + n.i", "batch": f"{last} + n.i", "bak": "NULL", "bak_kind": "NULL", "bak_sha256": "NULL"}
        .get(name, f"p.{name}") for name in columns("batchmgr_points"))
    database.execute(
        f"INSERT INTO batchmgr_points {numbers} SELECT {copied} FROM n, batchmgr_points AS p WHERE p.id = {point} - 1")
    database.execute("INSERT INTO batchmgr_points SELECT * FROM kept")
    database.execute("COMMIT")
    database.close()


def history(bench):
    """history: run, list, points and show with 100,000 points in the ledger, against a fresh one."""
    fresh = bench.started(bench.entries(10), "fresh")
    long = bench.started(bench.entries(10), "long")
    for folder in (fresh, long):
        bench.run(folder, "second", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 2")
    lengthen(long / "app.db", POINTS // bench.divisor)

    def run(folder, number):
        sql = f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = {number + 10}"
        return bench.tool(folder, "run", "--id", "one", "--sql", sql)[1]

    for folder in (fresh, long):
        run(folder, 0)
    new = median([run(fresh, number) for number in range(bench.repeats)])
    old = median([run(long, number) for number in range(bench.repeats)])
    results = [Result("run, 1 row", milliseconds(old), milliseconds(new), old / new, "≤ 1.2 ×", old <= 1.2 * new)]
    for arguments in (["list"], ["points"], ["show", "--id", "one"]):
        results.append(within(arguments[0], timed(bench, long, *arguments), 0.05))
    waits, opened = calls(bench, fresh)
    results.append(plain("waits for the disk in one run", str(waits), "≤ 18", waits <= 18))
    results.append(
        plain("`batchmgr.yaml`, database and `control.db` opened in one run", str(opened), "≤ 3", opened <= 3))
    return Table(f"{POINTS:,} points", "fresh", results)


def calls(bench, folder):
    """How often one run in a workspace waits for the disk, and opens the files that it works with."""
    if not shutil.which("strace"):
        return 0, 0
    bench.command("init", "--db", "app.db", cwd=folder)
    run = ["run", "--id", "one", "--sql", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 9"]
    bench.command(*run, cwd=folder)
    with tempfile.NamedTemporaryFile() as log:
        bench.command(
            *run, cwd=folder, before=["strace", "-f", "-qq", "-e", "trace=openat,fsync,fdatasync", "-o", log.name])
        lines = [line for line in open(log.name) if "resumed" not in line and "/refs/" not in line]
    opened = [line for line in lines if any(name + '"' in line for name in ("yaml", "/app.db", "/control.db"))]
    return sum(1 for line in lines if "sync(" in line), len(opened)


def care(bench):
    """care: drill of 10 points, prune, erase of one row, and a batch after a foreign write, on 300 MB."""
    folder = bench.started(bench.entries(300, indexes=True), "care")
    for number in range(9):
        bench.run(
            folder, "day", f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id % 1000 = {number}")
    drill = bench.tool(folder, "drill")[1]
    # Not on a copy: that would begin a history of its own.
    erase = bench.tool(folder, "erase", "--table", "entries", "--where", "id = 77", "--yes")[1]
    prune = bench.tool(folder, "prune", "--keep-last", "3", "--yes")[1]
    database = sqlite3.connect(folder / "app.db", isolation_level=None)
    database.execute("UPDATE entries SET note = note || '!' WHERE id = 5")
    database.close()
    os.sync()
    foreign = bench.tool(folder, "run", "--id", "day", "--sql", "UPDATE entries SET note = 'x' WHERE id = 6")[1]
    return Table("`batchmgr`", "", [
        within("drill, 10 points, both copies", drill, 25), within("prune, 7 of 10 go", prune, 1),
        within("erase of one row", erase, 20), plain("run after a foreign write", milliseconds(foreign)),
    ])


def blobs(bench):
    """blobs: a row with a BLOB of 150 MB: peak memory of its batch, and diff --sql of one of 20 MB."""
    size = 150 * MIB // bench.divisor
    folder = bench.started(bench.entries(10), "blobs")
    with sqlite3.connect(folder / "app.db") as database:
        database.execute("CREATE TABLE files(id INTEGER PRIMARY KEY, content BLOB)")
        database.execute("INSERT INTO files VALUES(1, randomblob(?))", (size,))
    bench.run(folder, "settle", "UPDATE files SET id = id")
    peak = peak_memory([
        bench.batchmgr, "run", "--id", "blob", "--sql", f"UPDATE files SET content = randomblob({size})", "--db",
        folder / "app.db"])
    spent = []
    for part in (10, 20):
        bench.run(folder, f"part{part}", f"INSERT INTO files(content) VALUES(randomblob({part * MIB // bench.divisor}))")
        begin = time.perf_counter()
        subprocess.run(
            [bench.batchmgr, "diff", "--id", f"part{part}.1", "--sql", "--db", folder / "app.db"], check=True,
            stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - begin)
    return Table("`batchmgr`", "the value", [
        Result(
            "batch of one row: peak memory", f"{peak / MIB:.0f} MiB", f"{size / MIB:.0f} MiB", peak / size, "≤ 4 ×",
            peak <= 4 * size),
        within("diff --sql, 20 MB", spent[1], 1.0),
        plain("20 MB against 10 MB", f"{spent[1] / spent[0]:.1f} ×", "≤ 2.5 ×", spent[1] <= 2.5 * spent[0]),
    ])
