"""What it costs to come back: a restore from each copy, and a merge of many restore points."""

import os
import shutil
import subprocess
import time

from harness import Table, against, median, milliseconds, plain, sync

POINTS = 1_000


def restored(bench, folder, source):
    """Seconds of a restore of the first point to a new file, durable."""
    target = folder / "restored.db"
    target.unlink(missing_ok=True)
    os.sync()
    spent = bench.tool(folder, "restore", "--point", "first.1", "--to", str(target), "--source", source)[1]
    target.unlink()
    return spent


def copied(folder):
    """Seconds of cp, durable."""
    target = folder / "copied.db"
    target.unlink(missing_ok=True)
    os.sync()
    begin = time.perf_counter()
    subprocess.run(["cp", folder / "app.db", target], check=True)
    sync(target)
    spent = time.perf_counter() - begin
    target.unlink()
    return spent


def loaded(folder, dump):
    """Seconds of sqlite3 reading a dump into a new file."""
    target = folder / "loaded.db"
    target.unlink(missing_ok=True)
    os.sync()
    begin = time.perf_counter()
    with open(dump) as script:
        subprocess.run(["sqlite3", target], stdin=script, check=True, capture_output=True)
    spent = time.perf_counter() - begin
    target.unlink()
    return spent


def restore(bench):
    """restore: a database rebuilt from its .bak against cp, and from git against sqlite3 reading a dump."""
    results = []
    for megabytes in bench.sizes:
        folder = bench.place(bench.entries(megabytes), "ours")
        bench.run(folder, "first", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 1")
        dump = folder / "app.sql"
        with open(dump, "w") as out:
            subprocess.run(["sqlite3", folder / "app.db", ".dump entries"], stdout=out, check=True)
        turns = range(bench.repeats)
        bak = median([restored(bench, folder, "bak") for _ in turns]), median([copied(folder) for _ in turns])
        git = median([restored(bench, folder, "git") for _ in turns]), median([loaded(folder, dump) for _ in turns])
        measured = megabytes == max(bench.sizes)
        results.append(against(f"from .bak, {megabytes} MB, against cp", *bak, 1.2 if measured else None))
        results.append(against(f"from git, {megabytes} MB, against a dump", *git, 5 if measured else None))
        shutil.rmtree(folder)
    return Table("restore", "`cp`, `sqlite3 < dump`", results)


def compact(bench):
    """compact: history compact of 1,000 restore points."""
    megabytes = min(bench.sizes)
    folder = bench.place(bench.entries(megabytes), "ours")
    points = POINTS // bench.divisor
    for turn in range(points):
        bench.run(folder, "b", f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id % 997 = {turn % 997}")
    report, spent = bench.tool(folder, "history", "compact")
    words = f"{points:,} points, {report['objects']:,} objects, {megabytes} MB"
    return Table("history compact", "", [plain(words, milliseconds(spent), "≤ 10,000 ms", spent <= 10)])
