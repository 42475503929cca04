"""What a job of the queue costs, from the order to the batch with both its copies."""

import sqlite3
import subprocess
import time

from harness import Failure, Table, plain

JOB = """id: one_row
version: 1.0.0
steps:
  - {id: up, sql: UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 1}
"""
MANY = 1_000_000


def rate(count, seconds):
    return f"{count / seconds:,.0f} a second"


def workspace(bench):
    folder = bench.place(bench.entries(10), "queue")
    bench.command("init", "--db", "app.db", cwd=folder)
    (folder / "catalog").mkdir(exist_ok=True)
    (folder / "catalog" / "one_row.yaml").write_text(JOB)
    return folder


def timed(bench, folder, *words):
    begin = time.perf_counter()
    done = subprocess.run([bench.batchmgr, *words], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return time.perf_counter() - begin


def fill(folder, count):
    """Jobs as `queue add` writes them, without a process for each."""
    control = sqlite3.connect(folder / "backups/batch_manager/control.db")
    columns = [row[1] for row in control.execute("PRAGMA table_info(queue_jobs)") if row[1] != "number"]
    listing = ", ".join(columns)
    control.execute(
        f"INSERT INTO queue_jobs({listing}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        f"SELECT {', '.join('run_key || i' if name == 'run_key' else name for name in columns)} "
        "FROM queue_jobs, n WHERE number = 1", (count,))
    control.commit()
    control.close()


def queue(bench):
    """queue: one-row jobs a second end to end in one worker, and a queue of 1,000,000 jobs."""
    folder = workspace(bench)
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    jobs = max(20, 2_000 // bench.divisor)
    bench.say(f"working {jobs} jobs")
    fill(folder, jobs - 1)
    spent = timed(bench, folder, "queue", "work", "--until-empty", "--quiet")
    results = [plain(f"{jobs} one-row jobs, one worker", rate(jobs, spent), "≥ 500 a second", jobs / spent >= 500)]
    folder = workspace(bench)
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    many = MANY // bench.divisor
    bench.say(f"filling a queue with {many:,} jobs")
    fill(folder, many - 1)
    listed = timed(bench, folder, "queue", "list", "--json")
    results.append(plain(f"`queue list` of {many:,} jobs", f"{listed:.2f} s"))
    acted = timed(bench, folder, "queue", "bulk", "cancel", "--reason", "bench", "--confirm", str(many), "--quiet")
    results.append(plain(f"`queue bulk cancel` of {many:,} jobs", f"{acted:.1f} s", "≤ 60 s", acted <= 60))
    return Table("`batchmgr`", "", results)
