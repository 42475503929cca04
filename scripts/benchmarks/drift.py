"""What it costs to see changes: of a batch, of one row, and those that no batch made."""

import sqlite3
import time

from harness import Result, Table, median, milliseconds, plain

MOST = 0.1


def timed(bench, folder, *arguments):
    """Median wall clock of a command, from its start to its end, in seconds."""
    return median([bench.tool(folder, *arguments)[1] for _ in range(bench.repeats)])


def changed(folder, bench, rows):
    """A scattered batch: the rows lie all over the table."""
    step = bench.rows(1000) // rows
    bench.run(folder, "measured", f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id % {step} = 0")


def within(what, spent):
    return plain(what, milliseconds(spent), f"≤ {milliseconds(MOST)}", spent <= MOST)


def diff(bench):
    """diff: changes of a batch of 1,000 rows on 1 GB, and between two points; blame of a row."""
    folder = bench.started(bench.entries(1000), "ours")
    changed(folder, bench, 1000)
    for number in range(20):
        bench.run(folder, "later", f"UPDATE entries SET note = note || '.' WHERE id BETWEEN {number} AND {number + 9}")
    results = [
        within("diff --id, 1,000 rows", timed(bench, folder, "diff", "--id", "measured.1")),
        within("diff P1 P2, 22 batches", timed(bench, folder, "diff", "first.1^", "later.20")),
        within("blame of one row", timed(bench, folder, "blame", "--table", "entries", "--key", "5")),
    ]
    return Table("`batchmgr`", "", results)


def client(path, statements):
    """Seconds for statements of one row each, in one transaction of Python's own sqlite3."""
    database = sqlite3.connect(path, isolation_level=None)
    begin = time.perf_counter()
    database.execute("BEGIN")
    for statement, values in statements:
        database.execute(statement, values)
    database.execute("COMMIT")
    spent = time.perf_counter() - begin
    database.close()
    return spent


def workload(rows):
    for number in range(1, rows + 1):
        yield "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = ?", (number * 7,)
        yield (
            "INSERT INTO entries(tenant_id, account, amount_cents, booked_on, note) VALUES('t001', '1000', ?, '2026-01-01', 'n')",
            (number,))
        yield "DELETE FROM entries WHERE id = ?", (number * 7 + 3,)


def guard(bench):
    """guard: what mode track costs a stock client per row, and finding 1,000 changed rows on 1 GB by its notes."""
    rows = 20_000 // bench.divisor
    source = bench.started(bench.entries(100), "guarded")
    times = {"off": [], "track": []}
    for _ in range(bench.repeats):
        for mode, spent in times.items():
            folder = bench.place(source, "ours")
            bench.tool(folder, "guard", "set", "--mode", mode)
            spent.append(client(folder / "app.db", workload(rows)))
    off, track = median(times["off"]), median(times["track"])
    more = (track - off) / (rows * 3)
    results = [
        Result(f"{rows * 3:,} writes of one row", milliseconds(track), milliseconds(off), track / off),
        plain("the guard, per row", f"{more * 1e6:.1f} µs"),
    ]
    folder = bench.started(bench.entries(1000), "drifted")
    bench.tool(folder, "guard", "set", "--mode", "track")
    client(folder / "app.db", list(workload(333)))
    results.append(plain("drift show, 1,000 rows of 1 GB", milliseconds(timed(bench, folder, "drift", "show"))))
    return Table("with `guard track`", "without", results)
