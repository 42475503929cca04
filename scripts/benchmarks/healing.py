"""What it costs to look for what is wrong in a large sample with one percent of anomalies."""

import json
import shutil
import subprocess
import time

import harness
from harness import Failure, Table, plain

ROOT = harness.pathlib.Path(__file__).resolve().parent.parent.parent


def workspace(bench, size):
    folder = bench.folder / "heal"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "catalog").mkdir(parents=True)
    for file in (ROOT / "catalog").glob("*.yaml"):
        shutil.copy(file, folder / "catalog")
    subprocess.run(
        [ROOT / "scripts/sample-database", folder / "app.db", "--size", size, "--anomalies", "0.01"], check=True,
        capture_output=True)
    (folder / "batchmgr.yaml").write_text(
        "databases:\n  main: {path: app.db, tenancy: column, tenant_column: tenant_id}\n")
    return folder


def timed(bench, folder, *words, codes=(0,)):
    begin = time.perf_counter()
    done = subprocess.run([bench.batchmgr, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode not in codes:
        raise Failure(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return time.perf_counter() - begin, done.stdout


def after_batch(bench, folder):
    """Changes lines and the totals of their invoices, and asks the contracts of what has changed."""
    lines = "(SELECT id FROM invoice_lines WHERE tenant_id = 't001' ORDER BY id LIMIT 1000)"
    timed(bench, folder, "run", "--id", "lines", "--anew", "--tenant", "t001", "--sql",
          f"UPDATE invoice_lines SET qty = qty + 1, amount_cents = (qty + 1) * unit_cents WHERE id IN {lines};"
          "UPDATE invoices SET total_cents = (SELECT sum(l.qty * l.unit_cents) FROM invoice_lines l"
          " WHERE l.invoice_id = invoices.id)"
          f" WHERE id IN (SELECT invoice_id FROM invoice_lines WHERE id IN {lines})")
    return timed(bench, folder, "contract", "check", "--changed", "--json", codes=(0, 1))[0]


def heal(bench):
    """heal: all repair jobs and all contracts on the sample of 1 GB with 1 % anomalies."""
    size = f"{max(1, 1_000 // bench.divisor)}MB"
    bench.say(f"making the sample of {size}")
    folder = workspace(bench, size)
    bench.say("heal scan")
    scan, text = timed(bench, folder, "heal", "scan", "--json")
    found = sum(json.loads(text)["counts"].values())
    timed(bench, folder, "run", "--id", "first", "--tenant", "t001", "--sql",
          "UPDATE customers SET city = 'Berlin' WHERE id = (SELECT min(id) FROM customers WHERE tenant_id = 't001')")
    bench.say("contract check")
    contracts, _ = timed(bench, folder, "contract", "check", "--json", codes=(0, 1))
    bench.say("contract check --changed after a batch of 1,000 rows")
    changed = min(after_batch(bench, folder) for _ in range(3))
    return Table("batchmgr", "", [
        plain(f"`heal scan`, all jobs, {size}, {found:,} findings", f"{scan:.1f} s", "< 60 s", scan < 60),
        plain(f"`contract check`, all contracts, {size}", f"{contracts:.1f} s"),
        plain("`contract check --changed` after a batch of 1,000 rows", f"{changed * 1000:.0f} ms", "< 100 ms",
              changed < 0.1),
    ])
