"""What all benchmarks share: running programs and timing them, databases, tables of results."""

import json
import os
import pathlib
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

ROWS_PER_MB = 7_320

# 732,000 rows make 100 MB.
ENTRIES = """
CREATE TABLE entries(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, account TEXT NOT NULL, amount_cents INTEGER NOT NULL,
  booked_on TEXT NOT NULL, note TEXT NOT NULL);
INSERT INTO entries
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  SELECT i, printf('t%03d', i * 7919 % 20), 1000 + i * 104729 % 40, i * 15485863 % 1000003,
         printf('2026-%02d-%02d', 1 + i / 3 % 12, 1 + i * 31 % 28),
         printf('invoice %09d of %08x, paid by transfer, %016x', i, i * 2654435761 % 4294967296, i * 40503 * 2654435761)
  FROM n;
"""
INDEXES = """
CREATE INDEX entries_by_tenant ON entries(tenant_id, booked_on);
CREATE INDEX entries_by_account ON entries(account);
"""


class Failure(Exception):
    """A program did not do what the benchmark needs; the text says which and what it said."""


class Result:
    """One line of a table: what, ours, the peer, their ratio, and the aim for the ratio or for ours."""

    def __init__(self, what, ours, peer="", ratio=None, aim="", met=None):
        self.what, self.ours, self.peer, self.ratio, self.aim, self.met = what, ours, peer, ratio, aim, met

    def cells(self):
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} ×"
        met = "" if self.met is None else ("yes" if self.met else "**no**")
        return [self.what, self.ours, self.peer, ratio, self.aim, met]


class Table:
    def __init__(self, ours, peer, results):
        self.ours, self.peer, self.results = ours, peer, results

    def text(self):
        head = ["", self.ours, self.peer, "ratio", "aim", "met"]
        rows = [head, ["---"] + ["---:"] * 3 + ["---"] * 2] + [result.cells() for result in self.results]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


class Bench:
    """Where a benchmark works and with what."""

    def __init__(self, folder, batchmgr, repeats, journal, sizes, quick):
        self.folder, self.batchmgr, self.repeats, self.journal = folder, batchmgr, repeats, journal
        self.sizes = sizes
        self.divisor = 20 if quick else 1

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)

    def entries(self, megabytes, indexes=False):
        """The path of a database of that size, made once."""
        path = self.folder / f"entries-{megabytes}{'-indexed' if indexes else ''}.db"
        if path.exists():
            return path
        self.say(f"making {path.name}")
        database = sqlite3.connect(path, isolation_level=None)
        database.executescript("PRAGMA page_size=4096; PRAGMA journal_mode=off; PRAGMA synchronous=off")
        database.executescript(ENTRIES.format(rows=self.rows(megabytes)))
        if indexes:
            database.executescript(INDEXES)
        database.execute(f"PRAGMA journal_mode={self.journal}")
        database.close()
        return path

    def rows(self, megabytes):
        return megabytes * ROWS_PER_MB // self.divisor

    def place(self, source, name):
        """A fresh folder with a copy of the database as app.db, or of a whole folder that this made before."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        if source.is_dir():
            shutil.copytree(source, folder)
        else:
            folder.mkdir()
            shutil.copyfile(source, folder / "app.db")
        os.sync()
        return folder

    def started(self, source, name):
        """The same after a first batch of one row: later ones are what a user waits for day by day."""
        folder = self.place(source, name)
        self.run(folder, "first", "UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 1")
        return folder

    def tool(self, folder, *arguments):
        """Runs batchmgr on the folder's database; its JSON document and the wall clock in seconds."""
        command = [str(self.batchmgr), *arguments, "--db", str(folder / "app.db"), "--json"]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        wall = time.perf_counter() - start
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout), wall

    def command(self, *arguments, cwd, before=()):
        """Runs batchmgr in a folder, untimed."""
        subprocess.run(
            [*before, str(self.batchmgr), *arguments], cwd=cwd, check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, folder, id, sql):
        return self.tool(folder, "run", "--id", id, "--sql", sql)[0]

    def shell_script(self, folder, script):
        """Runs a script in the sqlite3 shell, untimed."""
        subprocess.run(["sqlite3", "-bail", folder / "app.db"], input=script, check=True, capture_output=True, text=True)
        os.sync()

    def shell(self, folder, *statements, before=""):
        """Runs the statements in the sqlite3 shell in one transaction; seconds by its own timer, without its start."""
        script = f".bail on\n{before}\n.timer on\nBEGIN IMMEDIATE;\n" + "".join(f"{sql};\n" for sql in statements) + "COMMIT;\n"
        done = subprocess.run(["sqlite3", folder / "app.db"], input=script, capture_output=True, text=True)
        times = re.findall(r"Run Time: real ([\d.]+)", done.stdout)
        if done.returncode != 0 or len(times) != len(statements) + 2:
            raise Failure(f"sqlite3: {done.stdout}{done.stderr}")
        return sum(map(float, times))


def median(values):
    return statistics.median(values)


def milliseconds(seconds):
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def against(what, ours, peer, aim=None):
    """A line that compares two times in seconds; the aim is the most that ours may cost of the peer's."""
    ratio = ours / peer
    return Result(
        what, milliseconds(ours), milliseconds(peer), ratio, "" if aim is None else f"≤ {aim} ×",
        None if aim is None else ratio <= aim)


def plain(what, text, aim="", met=None):
    """A line without a peer."""
    return Result(what, text, aim=aim, met=met)


def size_of(folder):
    """Bytes of all files, by their length."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sync(path):
    """Makes a file that another program wrote durable, with its name."""
    for name in (path, path.parent):
        handle = os.open(name, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def peak_memory(command):
    """Peak resident memory in bytes. By time(1): what wait4 reports for a child of Python includes Python's own."""
    done = subprocess.run(
        ["/usr/bin/time", "--format", "peak=%M", *map(str, command)], capture_output=True, text=True,
        stdin=subprocess.DEVNULL)
    found = re.search(r"peak=(\d+)\s*$", done.stderr)
    if done.returncode != 0 or not found:
        raise Failure(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return int(found[1]) * 1024


def disturbance(load):
    """What has to be said when the machine was not idle before a benchmark; its load average is of one minute."""
    return f" (load average {load:.1f} at the start: other programs were running)" if load > 0.5 else ""


def machine():
    """What a reader needs to judge the figures; nothing that names the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}, Linux {kernel}, "
        f"SQLite {sqlite3.sqlite_version}")
