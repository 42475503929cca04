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


REALTIME = ("line_amount", "invoice_total", "payment_of_its_tenant")


def realtime(bench, folder):
    """Milliseconds that contracts take within a checkpoint of 1, 10 and 100 changed lines, 99th percentile."""
    file = folder / "catalog/contracts.yaml"
    text = file.read_text()
    for name in REALTIME:
        text = text.replace(f"\n{name}:\n", f"\n{name}:\n  when: realtime\n")
    file.write_text(text)
    settings = folder / "batchmgr.yaml"
    settings.write_text(settings.read_text() + "traces: {sample: 100}\n")
    found = []
    for rows in (1, 10, 100):
        (folder / "catalog/touch.yaml").write_text(
            "id: touch\nversion: 1.0.0\ntenant: required\nsteps:\n  - id: all\n    for_each: SELECT id FROM invoice_lines"
            f" WHERE tenant_id = :tenant AND amount_cents = qty * unit_cents ORDER BY id LIMIT {500 * rows}\n    chunk: {rows}\n"
            "    sql: UPDATE invoice_lines SET qty = qty + 1, amount_cents = (qty + 1) * unit_cents WHERE id = :id;"
            " UPDATE invoices SET total_cents = (SELECT sum(l.qty * l.unit_cents) FROM invoice_lines l"
            " WHERE l.invoice_id = invoices.id) WHERE id = (SELECT invoice_id FROM invoice_lines WHERE id = :id)\n")
        timed(bench, folder, "run", "touch", "--tenant", "t001")
        spans = json.loads((folder / "backups/batch_manager/logs/traces.jsonl").read_text().splitlines()[-1])
        spans = spans["resourceSpans"][0]["scopeSpans"][0]["spans"]
        times = sorted((int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6
                       for span in spans if span["name"] == "contracts")
        if len(times) < 100:
            raise Failure(f"only {len(times)} spans of contracts")
        found.append(times[len(times) * 99 // 100])
    return found


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
    bench.say("contracts before the commit")
    within = realtime(bench, folder)
    return Table("batchmgr", "", [
        plain(f"`heal scan`, all jobs, {size}, {found:,} findings", f"{scan:.1f} s", "< 60 s", scan < 60),
        plain(f"`contract check`, all contracts, {size}", f"{contracts:.1f} s"),
        plain("`contract check --changed` after a batch of 1,000 rows", f"{changed * 1000:.0f} ms", "< 100 ms",
              changed < 0.1),
    ] + [
        plain(f"three contracts before the commit, checkpoint of {rows} changed {'line' if rows == 1 else 'lines'}, p99",
              f"{time:.2f} ms", "< 1 ms", time < 1) for rows, time in zip((1, 10, 100), within)
    ])
