"""What a restore point costs in time and bytes, on databases of three sizes."""

import os
import subprocess
import time

from harness import Table, against, median, milliseconds, plain, size_of, sync

BATCH = 1_000
# Most bytes a restore point may add, both copies counted, at 100 MB.
LIMITS = {"scattered": 1_600_000, "adjacent": 80_000}


def statement(kind, rows, turn):
    """1,000 rows, others each turn."""
    if kind == "adjacent":
        first = rows // 3 + turn * BATCH
        return f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id > {first} AND id <= {first + BATCH}"
    step = max(1, rows // BATCH)
    return f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id % {step} = {turn} AND id < {step * BATCH}"


def backup(folder):
    """Seconds of the shell's .backup, durable."""
    target = folder / "backup.copy"
    target.unlink(missing_ok=True)
    os.sync()
    begin = time.perf_counter()
    subprocess.run(["sqlite3", folder / "app.db", f".backup '{target}'"], check=True, capture_output=True)
    sync(target)
    spent = time.perf_counter() - begin
    target.unlink()
    return spent


def measure(bench, folder, megabytes, kind):
    """Medians of: seconds of our restore point, its new bytes, seconds of .backup."""
    ours, grown, peer = [], [], []
    for turn in range(bench.repeats):
        sql = statement(kind, bench.rows(megabytes), turn)
        os.sync()
        before = size_of(folder / "backups")
        phases = bench.run(folder, kind, sql)["phases"]
        ours.append(phases["restore_point_ms"] / 1000)
        grown.append(size_of(folder / "backups") - before)
        peer.append(backup(folder))
    bench.say(f"{megabytes} MB, {kind}: {ours} {grown} {peer}")
    return median(ours), median(grown), median(peer)


def restore_point(bench):
    """restore-point: after a batch of 1,000 rows, git and .bak, both durable, against the shell's durable .backup."""
    first, times, results = {}, {}, []
    for megabytes in bench.sizes:
        folder = bench.place(bench.entries(megabytes), "ours")
        sql = "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 1"
        # By the wall clock: the baseline, with every row, is written before the batch begins.
        first[megabytes] = bench.tool(folder, "run", "--id", "first", "--sql", sql)[1]
        for kind, aim in (("scattered", 0.5), ("adjacent", 0.1)):
            spent, grown, peer = measure(bench, folder, megabytes, kind)
            times[megabytes, kind] = spent
            measured = megabytes == 100
            results.append(against(f"{kind}, {megabytes} MB", spent, peer, aim if measured else None))
            goal = (f"≤ {LIMITS[kind] // 1000:,} kB", grown <= LIMITS[kind]) if measured else ()
            results.append(plain(f"{kind}, {megabytes} MB: new bytes", f"{grown / 1000:,.0f} kB", *goal))
    least, most = min(bench.sizes), max(bench.sizes)
    for kind in LIMITS if most > least else ():
        aim = 1.5 if (least, most) == (10, 1000) else None
        what = f"{kind}: {most:,} MB against {least:,} MB, both ours"
        results.append(against(what, times[most, kind], times[least, kind], aim))
    for megabytes in bench.sizes:
        goal = ("≤ 30,000 ms", first[megabytes] <= 30) if megabytes == 1000 else ()
        results.append(plain(f"the first of a database, {megabytes} MB", milliseconds(first[megabytes]), *goal))
    return Table("restore point", "`.backup`", results)
