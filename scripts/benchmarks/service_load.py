"""What a service bears: many schedules and jobs, orders one by one and in bulk, jobs that do nothing, many clients."""

import http.client
import json
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from harness import Failure, Table, plain
from queue_jobs import MANY, fill, post, rate, timed, workspace

NOTHING = """id: nothing
version: 1.0.0
steps:
  - {id: look, sql: UPDATE entries SET amount_cents = amount_cents WHERE id = -1}
"""
BULK = """id: bulk
version: 1.0.0
steps:
  - id: all
    schedule.enqueue:
      job: one_row
      rows: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT 0 AS part FROM n LIMIT %d
"""
SCHEDULES = 10_000
CLIENTS = 200
CONTROL = "backups/batch_manager/control.db"


class Served:
    """`batchmgr serve` while a benchmark asks it."""

    def __init__(self, bench, folder, *words):
        self.process = subprocess.Popen(
            [bench.batchmgr, "serve", "--port", "0", *words], cwd=folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.address = next(
            found[0] for line in self.process.stderr if (found := re.findall(r"answers at http://(\S+)", line)))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def status(self, key):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M)[1]) / 1024

    def busy(self):
        """Seconds of the processor that the thread of the clock has had."""
        task = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat")
        return int(task.read_text(encoding="ascii").split()[0]) / 1e9


def schedules(folder, count):
    """Schedules as `schedule add` writes them, each at another minute of the day."""
    control = sqlite3.connect(folder / CONTROL)
    columns = [row[1] for row in control.execute("PRAGMA table_info(schedules)")]
    picked = ", ".join(
        {"name": "name || i", "definition": "replace(definition, '7 3', i % 60 || ' ' || i / 60 % 24)",
         "next_at": "seen_to / 60000 * 60000 + 60000 * (1 + i % 1440)"}.get(name, name) for name in columns)
    control.execute(
        f"INSERT INTO schedules({', '.join(columns)}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        f"WHERE i < ?) SELECT {picked} FROM schedules, n WHERE name = 'first'", (count - 1,))
    control.commit()
    control.close()


def ticks(bench, results):
    folder = workspace(bench)
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    timed(bench, folder, "schedule", "add", "first", "--job", "one_row", "--cron", "7 3 * * *", "--quiet")
    count, many = SCHEDULES // bench.divisor, MANY // bench.divisor
    bench.say(f"filling a service with {count:,} schedules and {many:,} jobs")
    schedules(folder, count)
    fill(folder, many - 1)
    with Served(bench, folder, "--workers", "0") as served:
        time.sleep(5)
        span = 65
        before = served.busy()
        time.sleep(span)
        spent = (served.busy() - before) / span
        results.append(plain(
            f"a tick with {count:,} schedules, about {count // 1440 + 1} of them due in the minute, and {many:,} jobs",
            f"{spent * 1_000:.1f} ms", "≤ 50 ms", spent <= 0.05))
        memory = served.status("VmHWM")
        results.append(plain("memory of that service at most", f"{memory:.0f} MiB", "≤ 150 MiB", memory <= 150))


def ordering(bench, results):
    folder = workspace(bench)
    with open(folder / "batchmgr.yaml", "a", encoding="utf-8") as settings:
        settings.write("http: {rate: 1000000}\n")
    made = subprocess.run(
        [bench.batchmgr, "token", "create", "bench", "--role", "operator", "--json"], cwd=folder, capture_output=True,
        text=True, check=True)
    token = json.loads(made.stdout)["token"]
    jobs = max(20, 4_000 // bench.divisor)
    with Served(bench, folder, "--workers", "0") as served:
        for clients in (1, 8):
            bench.say(f"queueing {jobs} jobs over HTTP, {clients} at once")

            def work():
                connection = http.client.HTTPConnection(served.address)
                for _ in range(jobs // clients):
                    post(connection, token, {"job": "one_row"})

            threads = [threading.Thread(target=work) for _ in range(clients)]
            begin = time.perf_counter()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            spent = time.perf_counter() - begin
            results.append(plain(
                f"jobs queued one by one over HTTP, {clients} at once", rate(jobs, spent), "≥ 1,500 a second",
                jobs / spent >= 1_500))
    rows = max(20, 50_000 // bench.divisor)
    (folder / "catalog" / "bulk.yaml").write_text(BULK % rows)
    job = (folder / "catalog" / "one_row.yaml").read_text()
    (folder / "catalog" / "one_row.yaml").write_text(
        job.replace("steps:", "params: {part: {type: integer, default: 0}}\nsteps:"))
    timed(bench, folder, "run", "one_row", "--quiet")
    bench.say(f"queueing {rows} jobs with one step")
    spent = timed(bench, folder, "run", "bulk", "--quiet")
    results.append(plain(
        f"{rows:,} jobs queued by one step (`schedule.enqueue`)", rate(rows, spent), "≥ 20,000 a second",
        rows / spent >= 20_000))


def nothing(bench, results):
    folder = workspace(bench)
    # A database without a copy gets its first one.
    timed(bench, folder, "run", "one_row", "--quiet")
    (folder / "catalog" / "one_row.yaml").write_text(NOTHING.replace("id: nothing", "id: one_row"))
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    jobs = max(20, 2_000 // bench.divisor)
    fill(folder, jobs - 1)
    bench.say(f"working {jobs} jobs that change nothing")
    spent = timed(bench, folder, "queue", "work", "--until-empty", "--quiet")
    results.append(plain(
        f"{jobs} jobs that change no row, one worker, each a batch of its own", rate(jobs, spent), "≥ 1,500 a second",
        jobs / spent >= 1_500))


def many_clients(bench, results):
    if not shutil.which("wrk"):
        raise Failure("wrk is missing: apt-get install wrk")
    folder = workspace(bench)
    with open(folder / "batchmgr.yaml", "a", encoding="utf-8") as settings:
        settings.write("http: {rate: 1000000, connections: 300}\n")
    timed(bench, folder, "queue", "add", "one_row", "--quiet")
    with Served(bench, folder, "--workers", "0") as served:
        span = max(5, 60 // bench.divisor)
        memory = []
        for path in ("/health", "/metrics.json", "/jobs?limit=10"):
            bench.say(f"{CLIENTS} clients ask {path} for {span} seconds, twice")
            for _ in range(2):
                told = subprocess.run(
                    ["wrk", "-t", "2", "-c", str(CLIENTS), "-d", f"{span}s", "--timeout", "30s",
                     f"http://{served.address}{path}"], capture_output=True, text=True, check=True).stdout
                memory.append(served.status("VmRSS"))
            faults = re.findall(r"Socket errors:.*|Non-2xx.*", told)
            figures = float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])
            results.append(plain(
                f"{CLIENTS} clients of `{path}`, {2 * span} s: answers", f"{figures:,.0f} a second", "no error",
                not faults))
            results.append(plain(
                f"{CLIENTS} clients of `{path}`: memory after the first and the second half",
                f"{memory[-2]:.0f}, {memory[-1]:.0f} MiB", "flat", memory[-1] <= memory[-2] * 1.05))


def serve(bench):
    """serve: a tick with 10,000 schedules, orders over HTTP and in bulk, jobs that do nothing, 200 clients at once (wrk)."""
    results = []
    ticks(bench, results)
    ordering(bench, results)
    nothing(bench, results)
    many_clients(bench, results)
    return Table("`batchmgr`", "", results)
