"""What recording costs, and what undoing costs."""

import os
import shutil
import subprocess
import time

from harness import Table, against, median, sync

CHANGES = {
    "UPDATE": "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id <= {rows}",
    "DELETE": "DELETE FROM entries WHERE id <= {rows}",
    "INSERT": "INSERT INTO entries(tenant_id, account, amount_cents, booked_on, note) "
              "SELECT tenant_id, account, amount_cents, booked_on, note FROM entries WHERE id <= {rows}",
}


def settings(bench):
    for indexes in (False, True):
        name = "two indexes" if indexes else "no index"
        start = bench.started(bench.entries(100, indexes), "start")
        for verb, sql in CHANGES.items():
            yield f"{verb}, {name}", start, sql.format(rows=100_000 // bench.divisor)


def capture(bench):
    """capture: 100,000 adjacent rows of a 100 MB table, ours against one transaction in the sqlite3 shell."""
    results = []
    for what, start, sql in settings(bench):
        ours, peer = [], []
        for _ in range(bench.repeats):
            peer.append(bench.shell(bench.place(start, "peer"), sql))
            ours.append(bench.run(bench.place(start, "ours"), "measured", sql)["phases"]["capture_ms"] / 1000)
        bench.say(f"{what}: {ours} {peer}")
        results.append(against(what, median(ours), median(peer), aim=1.5))
    return Table("`batchmgr run`, capture", "`sqlite3`", results)


# What SQLite itself needs to take each change back, when somebody has kept the rows.
BACK = {
    "UPDATE": "UPDATE entries SET amount_cents = amount_cents - 1 WHERE id <= {rows}",
    "DELETE": "INSERT INTO entries SELECT * FROM kept.rows",
    "INSERT": "DELETE FROM entries WHERE id > {last}",
}


def plain_back(bench, what, start, sql):
    """Seconds that the sqlite3 shell needs to take the change back in one transaction, told which rows."""
    folder = bench.place(start, "peer")
    rows = 100_000 // bench.divisor
    verb = what.split(",")[0]
    kept = f"ATTACH '{folder / 'kept.db'}' AS kept"
    bench.shell_script(
        folder, f"{kept}; CREATE TABLE kept.rows AS SELECT * FROM entries WHERE id <= {rows} ORDER BY id; {sql};")
    back = BACK[verb].format(rows=rows, last=bench.rows(100))
    return bench.shell(folder, back, before=f"{kept};")


def undo_time(document, wall):
    """Until the undo is committed, where the document says it; else all of the command, its restore point included."""
    return document.get("phases", {}).get("capture_ms", wall * 1000) / 1000


def undo(bench):
    """undo: rolling that batch back, against running it and against restoring the whole database."""
    results, forward_results, plain_results = [], [], []
    for what, start, sql in settings(bench):
        forward, back, whole, plain = [], [], [], []
        for _ in range(bench.repeats):
            folder = bench.place(start, "ours")
            forward.append(bench.run(folder, "measured", sql)["phases"]["capture_ms"] / 1000)
            os.sync()
            back.append(undo_time(*bench.tool(folder, "rollback", "--id", "measured.1")))
            whole.append(restore(bench, start))
            plain.append(plain_back(bench, what, start, sql))
        bench.say(f"{what}: {forward} {back} {whole} {plain}")
        forward_results.append(against(f"{what}: undo against running it", median(back), median(forward), aim=1.5))
        results.append(against(f"{what}: undo against `.restore`", median(back), median(whole), aim=1.0))
        plain_results.append(against(f"{what}: undo against `sqlite3` taking it back", median(back), median(plain)))
    return Table("`batchmgr rollback`", "peer", forward_results + results + plain_results)


def restore(bench, start):
    """Seconds to bring back the whole database from a copy of it, durable."""
    folder = bench.place(start, "peer")
    shutil.copyfile(folder / "app.db", folder / "copy.db")
    os.sync()
    begin = time.perf_counter()
    subprocess.run(["sqlite3", folder / "app.db", f".restore '{folder / 'copy.db'}'"], check=True, capture_output=True)
    sync(folder / "app.db")
    return time.perf_counter() - begin
