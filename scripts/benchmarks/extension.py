"""What batches cost inside a program: in the sqlite3 shell with batchmgr.so loaded."""

import pathlib
import re
import subprocess
import time

from capture import CHANGES
from harness import ENTRIES, Failure, Result, Table, against, median

LIBRARY = pathlib.Path(__file__).resolve().parent.parent.parent / ".build/extension/batchmgr"

# What programs without batchmgr do: a row of JSON for each changed row, by triggers.
COLUMNS = ("id", "tenant_id", "account", "amount_cents", "booked_on", "note")
AUDIT = "CREATE TABLE audit(id INTEGER PRIMARY KEY, at TEXT, op TEXT, before TEXT, after TEXT);" + "".join(
    f"CREATE TRIGGER audit_{event.lower()} AFTER {event} ON entries BEGIN "
    f"INSERT INTO audit(at, op, before, after) VALUES(datetime('now'), '{event}', {old}, {new}); END;"
    for event, old, new in (
        (event, *(f"json_object({', '.join(f'{chr(39)}{name}{chr(39)}, {row}.{name}' for name in COLUMNS)})"
                  if row in rows else "NULL" for row in ("OLD", "NEW")))
        for event, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",)))))

SCAN = ("SELECT count(*), max(id), max(tenant_id), max(account), sum(amount_cents), max(booked_on), max(note) "
        "FROM {table};")


def timed(folder, before, statements):
    """Runs a script in the sqlite3 shell with the extension; seconds of each timed statement by its own timer."""
    script = f".bail on\n.load {LIBRARY}\n{before}\n.timer on\n" + "\n".join(statements) + "\n"
    done = subprocess.run(["sqlite3", folder / "app.db"], input=script, capture_output=True, text=True)
    times = [float(time) for time in re.findall(r"Run Time: real ([\d.]+)", done.stdout)]
    if done.returncode != 0 or len(times) != len(statements):
        raise Failure(f"sqlite3: {done.stdout}{done.stderr}")
    return times


def batch(folder, sql, capture):
    begin = f"SELECT batch_begin('measured', NULL, '{{\"capture\": \"{capture}\"}}');"
    return sum(timed(folder, "", [begin, sql + ";", "SELECT batch_commit();"]))


def one_row(bench):
    """A batch of one row after another on one connection, without waits for the disk, against transactions."""
    count = 2_000 // bench.divisor

    def spent(begin, commit, times):
        folder = bench.place(bench.folder / "start-False", "row")
        work = "".join(
            f"{begin} UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = {number + 10}; {commit}\n"
            for number in range(times))
        script = f".bail on\n.load {LIBRARY}\nPRAGMA synchronous = OFF;\n{work}"
        start = time.perf_counter()
        subprocess.run(["sqlite3", folder / "app.db"], input=script, check=True, capture_output=True, text=True)
        return time.perf_counter() - start

    def each(begin, commit):
        return median([
            (spent(begin, commit, count + 1) - spent(begin, commit, 1)) / count for _ in range(bench.repeats)])

    ours = each("SELECT batch_begin('row');", "SELECT batch_commit();")
    peer = each("BEGIN IMMEDIATE;", "COMMIT;")
    return Result(
        "one row: a batch, against a transaction", f"{ours * 1000:.3f} ms", f"{peer * 1000:.3f} ms", ours / peer,
        "≤ 0.3 ms", ours <= 0.0003)


def prepared(bench, indexes):
    """A database with a ledger: the first batch reads all rows once, to know the state that it begins from."""
    folder = bench.place(bench.entries(100, indexes), f"start-{indexes}")
    timed(folder, "SELECT batch_begin('first'); UPDATE entries SET note = note || '' WHERE id = 1; SELECT batch_commit();", [])
    return folder


def earlier(bench):
    """1,000,000 rows, 10,000 of them changed since; the state before, and the rows of now."""
    folder = bench.folder / "earlier"
    folder.mkdir()
    rows = 1_000_000 // bench.divisor
    bench.shell_script(folder, f"PRAGMA journal_mode={bench.journal};" + ENTRIES.format(rows=rows))
    timed(folder, "SELECT batch_begin('then'); UPDATE entries SET note = note || '.' WHERE id = 1; SELECT batch_commit();", [])
    changed = f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id % {rows // (10_000 // bench.divisor)} = 0;"
    timed(folder, f"SELECT batch_begin('since'); {changed} SELECT batch_commit();", [])
    ours, peer = [], []
    table = "CREATE VIRTUAL TABLE temp.earlier USING batch_as_of('entries', 'then.1');"
    for _ in range(bench.repeats):
        warm, plain, travelled = timed(
            folder, table, [SCAN.format(table="entries"), SCAN.format(table="entries"), SCAN.format(table="earlier")])
        peer.append(plain)
        ours.append(travelled)
    bench.say(f"batch_as_of: {ours} {peer}")
    return against("`batch_as_of`, 1,000,000 rows, against a scan of the table", median(ours), median(peer), aim=2.0)


def extension(bench):
    """extension: batches in the sqlite3 shell against plain SQL and against audit triggers; batch_as_of against a scan."""
    if not LIBRARY.with_suffix(".so").is_file():
        raise Failure("there is no .build/extension/batchmgr.so: scripts/build-extension")
    by_hook, by_trigger = [], []
    for indexes in (False, True):
        start = prepared(bench, indexes)
        for verb, text in CHANGES.items():
            sql = text.format(rows=100_000 // bench.divisor)
            what = f"{verb}, {'two indexes' if indexes else 'no index'}"
            hook, trigger, plain, audit = [], [], [], []
            for _ in range(bench.repeats):
                plain.append(bench.shell(bench.place(start, "peer"), sql))
                audit.append(bench.shell(bench.place(start, "peer"), sql, before=AUDIT))
                hook.append(batch(bench.place(start, "ours"), sql, "hook"))
                trigger.append(batch(bench.place(start, "ours"), sql, "triggers"))
            bench.say(f"{what}: {hook} {trigger} {plain} {audit}")
            by_hook.append(against(f"{what}: by the hook, against plain SQL", median(hook), median(plain), aim=1.5))
            by_trigger.append(
                against(f"{what}: by TEMP triggers, against JSON audit triggers", median(trigger), median(audit), aim=0.7))
    return Table("`batchmgr.so`", "peer", by_hook + by_trigger + [one_row(bench), earlier(bench)])
