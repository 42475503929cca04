"""What tenants and policies cost."""

import json
import os
import shutil
import sqlite3
import subprocess
import time

from harness import Failure, Result, Table, against, median, milliseconds

ROWS = 100_000
FILES = 1_000
UPDATE = "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id <= {rows}"
OPEN = "databases: {main: {path: app.db}}\n"
CLOSED = """databases:
  main:
    path: app.db
    tenancy: column
    tenant_column: tenant_id
    protected: [entries.account]
    limits: {rows: 1000000, deleted_share: 0.5}
"""
FILE_EACH = "databases: {main: {path: 'data/{tenant}.db', tenancy: file}}\n"


def tool(bench, folder, *arguments):
    """Runs batchmgr in a workspace; its JSON document and the wall clock in seconds."""
    command = [str(bench.batchmgr), *arguments, "--workspace", str(folder), "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout), wall


def one_owner(bench):
    """A database of 100 MB of which one tenant owns the rows that are changed."""
    path = bench.folder / "owned.db"
    if not path.exists():
        shutil.copyfile(bench.entries(100), path)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE entries SET tenant_id = 't001' WHERE id <= ?", (ROWS // bench.divisor,))
    return path


def policy_cost(bench):
    times = {"open": [], "closed": []}
    folders = {}
    for name, text in (("open", OPEN), ("closed", CLOSED)):
        folder = bench.place(one_owner(bench), f"policy-{name}-start")
        (folder / "batchmgr.yaml").write_text(text)
        tool(bench, folder, "run", "--id", "first", "--tenant", "t001", "--sql", UPDATE.format(rows=1))
        folders[name] = folder
    for _ in range(max(bench.repeats, 5)):
        for name, start in folders.items():
            folder = bench.place(start, f"policy-{name}")
            sql = UPDATE.format(rows=ROWS // bench.divisor)
            document, _ = tool(bench, folder, "run", "--id", "measured", "--tenant", "t001", "--sql", sql)
            times[name].append(document["phases"]["capture_ms"] / 1000)
    bench.say(f"policy: {times}")
    # The least disturbed run of each: the difference is smaller than what other programs add.
    return against("UPDATE of 100,000 rows, with tenant, protected data and limits", min(times["closed"]),
                   min(times["open"]), aim=1.03)


def tenant_file(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE items(id INTEGER PRIMARY KEY, v)")
        database.execute("INSERT INTO items VALUES (1, 0)")


def file_cost(bench):
    count = FILES // bench.divisor
    many, lone = bench.folder / "files", bench.folder / "lone"
    for folder in (many, lone):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (many / "data").mkdir()
    (many / "batchmgr.yaml").write_text(FILE_EACH)
    (lone / "batchmgr.yaml").write_text(OPEN)
    tenant_file(lone / "app.db")
    change = ["run", "--id", "one", "--sql", "UPDATE items SET v = v + 1 WHERE id = 1"]
    tool(bench, lone, *change)
    bench.say(f"a first batch on each of {count} files")
    for number in range(count):
        tenant_file(many / "data" / f"t{number}.db")
        tool(bench, many, "--tenant", f"t{number}", *change)
    os.sync()
    ours, peer = [], []
    for number in range(max(20, bench.repeats)):
        peer.append(tool(bench, lone, *change)[1])
        ours.append(tool(bench, many, "--tenant", f"t{number * 37 % count}", *change)[1])
    bench.say(f"files: {ours} {peer}")
    added = median(ours) - median(peer)
    return Result(
        f"one-row batch on one of {count} tenant files, against a lone file", milliseconds(median(ours)),
        milliseconds(median(peer)), median(ours) / median(peer), "adds ≤ 10 ms", added <= 0.010)


def tenants(bench):
    """tenants: what the check of a policy adds to a batch, and what a file for each tenant does."""
    return Table("`batchmgr run`", "without", [policy_cost(bench), file_cost(bench)])
