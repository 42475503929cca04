"""What a job of the queue costs, from the order to the batch with both its copies."""

import http.client
import json
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import time

from harness import Failure, Result, Table, plain

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / ".build" / "bench-queue"

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


def peer(bench, kind, jobs):
    """huey with fsync or DBOS with SQLite, the newest of PyPI, in a virtual environment below .build."""
    python = PEERS / "bin" / "python"
    if not (PEERS / "bin" / "huey_consumer").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin" / "pip", "install", "--quiet", "huey", "dbos"], check=True)
    bench.say(f"working {jobs} jobs of {kind}")
    folder = bench.place(bench.entries(10), f"queue-{kind}")
    script = ROOT / "scripts" / "benchmarks" / "queue_peers.py"
    done = subprocess.run([python, script, kind, str(jobs), folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{kind}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def beside(what, jobs, ours, theirs, name, aim="", met=None):
    return Result(what, rate(jobs, ours), f"{rate(jobs, theirs)} ({name})", theirs / ours, aim, met)


def post(connection, token, document):
    connection.request(
        "POST", "/api/queue", json.dumps(document),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise Failure(f"POST /api/queue: {answer.status} {said}")


def page(connection):
    connection.request("GET", "/metrics")
    connection.getresponse().read()


def served(bench, folder, jobs):
    """Seconds for so many orders over HTTP, one after the other, and for one page of figures."""
    with open(folder / "batchmgr.yaml", "a", encoding="utf-8") as settings:
        settings.write("http: {rate: 1000000}\n")
    made = subprocess.run(
        [bench.batchmgr, "token", "create", "bench", "--role", "operator", "--json"], cwd=folder, capture_output=True,
        text=True, check=True)
    service = subprocess.Popen(
        [bench.batchmgr, "serve", "--port", "0", "--workers", "0"], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    try:
        address = next(found[0] for line in service.stderr if (found := re.findall(r"answers at (\S+)", line)))
        token = json.loads(made.stdout)["token"]
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        begin = time.perf_counter()
        for _ in range(jobs):
            post(connection, token, {"job": "one_row"})
        ordered = time.perf_counter() - begin
        pages = 20
        begin = time.perf_counter()
        for _ in range(pages):
            page(connection)
        return ordered, (time.perf_counter() - begin) / pages
    finally:
        service.send_signal(signal.SIGTERM)
        service.communicate()


def queue(bench):
    """queue: one-row jobs a second end to end in one worker beside huey and DBOS, and a queue of 1,000,000 jobs."""
    folder = workspace(bench)
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    jobs = max(20, 2_000 // bench.divisor)
    bench.say(f"working {jobs} jobs")
    fill(folder, jobs - 1)
    spent = timed(bench, folder, "queue", "work", "--until-empty", "--quiet")
    results = [plain(f"{jobs} one-row jobs, one worker", rate(jobs, spent), "≥ 500 a second", jobs / spent >= 500)]
    huey, dbos = peer(bench, "huey", jobs), peer(bench, "dbos", jobs)
    for theirs, name in (
            (huey["work"], f"huey {huey['version']}, fsync, no undo"),
            (dbos["work"], f"DBOS {dbos['version']}, SQLite, a workflow of one step each"),
            (dbos["steps"], f"DBOS {dbos['version']}, SQLite, steps of one workflow")):
        results.append(beside("the same jobs", jobs, spent, theirs, name))
    bench.say(f"queueing {jobs} jobs over HTTP")
    ordered, figures = served(bench, folder, jobs)
    results.append(beside(
        "jobs queued one by one, over HTTP", jobs, ordered, huey["enqueue"], "huey, in its own process",
        "≥ 1,500 a second", jobs / ordered >= 1_500))
    results.append(plain("`/metrics`", f"{figures * 1_000:.1f} ms", "≤ 10 ms", figures <= 0.01))
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
