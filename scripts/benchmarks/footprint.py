"""Start-up time and memory."""

import subprocess
import time

from harness import Result, Table, median, milliseconds, peak_memory, plain

MIB = 2**20


def elapsed(command):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begin


def start(bench):
    """start: batchmgr version, from starting the program to its end, against sqlite3 --version; idle memory."""
    ours, peer = [], []
    for _ in range(bench.repeats * 10):
        ours.append(elapsed([bench.batchmgr, "version"]))
        peer.append(elapsed(["sqlite3", "--version"]))
    folder = bench.started(bench.entries(10), "ours")
    spent = median(ours)
    other = median(peer)
    results = [
        Result("version", milliseconds(spent), milliseconds(other), spent / other, "≤ 15 ms", spent <= 0.015)]
    for verb, arguments in (("version", []), ("list", ["--db", folder / "app.db"])):
        peak = peak_memory([bench.batchmgr, verb, *arguments])
        results.append(plain(f"{verb}: peak memory", f"{peak / MIB:.1f} MiB", "≤ 30 MiB", peak <= 30 * MIB))
    return Table("`batchmgr`", "`sqlite3`", results)


def memory(bench):
    """memory: peak memory of a 5,000,000-row UPDATE, all of the process, against the sqlite3 shell."""
    rows = 5_000_000 // bench.divisor
    sql = f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id <= {rows}"
    source = bench.entries(1000)
    peer = peak_memory(["sqlite3", bench.place(source, "peer") / "app.db", sql])
    folder = bench.place(source, "ours")
    begin = time.perf_counter()
    ours = peak_memory(
        [bench.batchmgr, "run", "--id", "measured", "--sql", sql, "--db", folder / "app.db", "--json"])
    bench.say(f"{rows:,} rows: {time.perf_counter() - begin:.1f} s")
    result = Result(
        f"{rows:,} rows", f"{ours / MIB:.0f} MiB", f"{peer / MIB:.0f} MiB", ours / peer,
        "≤ 200 MiB", ours <= 200 * MIB)
    return Table("`batchmgr run`", "`sqlite3`", [result])
