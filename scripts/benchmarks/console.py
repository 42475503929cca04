"""What the pages of the console ask the service, with long histories: 100,000 batches, 1,000,000 jobs, 10,000 incidents."""

import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import history
import queue_jobs
from harness import Failure, Table, median, milliseconds, plain

BATCHES, JOBS, INCIDENTS = 100_000, 1_000_000, 10_000
# By page: the calls that it makes before it can be used.
PAGES = {
    "Health": ["/api/status", "/health", "/metrics.json", "/api/slo", "/api/incidents?status=open&limit=20"],
    "Batches": ["/api/batches?limit=200"],
    "a batch": ["/api/batches/second.1", "/api/batches/second.1/dependents", "/api/batches/second.1/changes?limit=200"],
    "History": ["/api/points?limit=100"],
    "Jobs": ["/api/catalog"],
    "Schedule": ["/api/schedules"],
    "Queue": ["/api/queue?limit=200"],
    "a job of the queue": ["/api/queue/500"],
    "Repairs": ["/api/heal", "/api/heal/history"],
    "Incidents": ["/api/incidents?limit=100"],
    "Switches": ["/api/switches", "/api/modules", "/api/circuits", "/api/rules"],
    "Audit": ["/api/audit?limit=1000"],
}


def fill_incidents(folder, count):
    """As many incidents as one is, a tenth of them open."""
    control = sqlite3.connect(folder / "backups/batch_manager/control.db")
    control.execute(
        "INSERT INTO incidents(cause, status, tenant, opened_at, document) WITH RECURSIVE n(i) AS "
        "(SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT cause || i, iif(i % 10 = 0, 'open', 'closed'), tenant, "
        "opened_at, replace(document, 'incident.1', 'incident.' || i) FROM n, incidents WHERE number = 1", (count,))
    control.commit()
    control.close()


class Service:
    """`batchmgr serve`, with a token for everything."""

    def __init__(self, bench, folder):
        self.said = open(folder / "serve.log", "w+")
        self.process = subprocess.Popen(
            [bench.batchmgr, "serve", "--port", "0", "--workers", "0"], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=self.said, stderr=self.said)
        made = subprocess.run(
            [bench.batchmgr, "token", "create", "bench", "--role", "admin", "--json"], cwd=folder, capture_output=True,
            text=True, check=True)
        self.token = json.loads(made.stdout)["token"]
        for _ in range(600):
            found = re.search(r"answers at (\S+)", (folder / "serve.log").read_text())
            if found:
                self.address = found[1].rstrip("/")
                return
            time.sleep(0.1)
        raise Failure("the service did not say where it answers: " + (folder / "serve.log").read_text())

    def seconds(self, path):
        request = urllib.request.Request(self.address + path, headers={"Authorization": "Bearer " + self.token})
        begin = time.perf_counter()
        try:
            with urllib.request.urlopen(request) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise Failure(f"{path}: {error.read().decode()}") from error
        return time.perf_counter() - begin

    def processor_time(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")")[-1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def live_share(self, span, happen=time.sleep):
        """Of a core, while a page listens and something happens, or nothing. Also: how many events it was told."""
        with tempfile.TemporaryFile("w+") as told:
            listener = subprocess.Popen(
                ["curl", "-sN", "-H", "Authorization: Bearer " + self.token, self.address + "/api/events"], stdout=told)
            time.sleep(1)
            begin = self.processor_time()
            happen(span)
            spent = self.processor_time() - begin
            time.sleep(1)
            listener.kill()
            listener.wait()
            told.seek(0)
            return spent / span, told.read().count("event: ")

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.said.close()


def move_jobs(folder, span):
    """100 jobs a second come to another state, ten at a time."""
    control = sqlite3.connect(folder / "backups/batch_manager/control.db", isolation_level=None, timeout=30)
    begin, turns = time.monotonic(), int(span * 10)
    for turn in range(turns):
        control.execute(
            "UPDATE queue_jobs SET state_at = ? WHERE number BETWEEN ? AND ?",
            (int(time.time() * 1000), turn * 10 + 1, turn * 10 + 10))
        time.sleep(max(0, begin + (turn + 1) / 10 - time.monotonic()))
    control.close()


def console(bench):
    """console: the calls of each page of the console with 100,000 batches, 1,000,000 jobs and 10,000 incidents."""
    folder = queue_jobs.workspace(bench)
    for number in range(2):
        bench.command(
            "run", "--id", "second", "--sql", f"UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = {number + 1}",
            cwd=folder)
    bench.say("filling ledger, queue and incidents")
    history.lengthen(folder / "app.db", BATCHES // bench.divisor)
    bench.command("queue", "add", "one_row", cwd=folder)
    queue_jobs.fill(folder, JOBS // bench.divisor - 1)
    bench.command("incident", "open", "--title", "something is wrong", cwd=folder)
    fill_incidents(folder, INCIDENTS // bench.divisor)
    service = Service(bench, folder)
    try:
        results = []
        for page, calls in PAGES.items():
            spent = sum(median([service.seconds(path) for _ in range(max(3, bench.repeats))]) for path in calls)
            results.append(plain(f"page {page}", milliseconds(spent), "≤ 100 ms", spent <= 0.1))
        service.seconds("/metrics")
        metrics = median([service.seconds("/metrics") for _ in range(max(3, bench.repeats))])
        results.append(plain("`/metrics`", milliseconds(metrics), "≤ 10 ms", metrics <= 0.01))
        span = 5 if bench.divisor > 1 else 20
        share, _ = service.live_share(span)
        results.append(plain("a live page while nothing happens", f"{share:.1%} of a core", "≤ 1 %", share <= 0.01))
        share, told = service.live_share(span, lambda span: move_jobs(folder, span))
        results.append(
            plain(f"a live page at {told / span:.0f} events a second", f"{share:.1%} of a core", "≤ 5 %", share <= 0.05))
    finally:
        service.end()
    return Table("`batchmgr serve`", "", results)
