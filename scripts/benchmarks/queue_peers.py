"""Jobs of other queues on SQLite, each an update of one row that waits for the disk. Run by queue_jobs.py in an environment that has them.

  queue_peers.py huey|dbos JOBS FOLDER      the folder holds app.db; prints JSON
"""

import json
import logging
import pathlib
import sqlite3
import sys
import time

kind, jobs, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
logging.disable(logging.CRITICAL)
database = sqlite3.connect(folder / "app.db", isolation_level=None, check_same_thread=False)
database.execute("PRAGMA synchronous = FULL")


def up():
    database.execute("UPDATE entries SET amount_cents = amount_cents + 1 WHERE id = 1")


def measure_huey():
    import huey

    queue = huey.SqliteHuey(filename=str(folder / "huey.db"), fsync=True, results=False)
    job = queue.task()(up)
    begin = time.perf_counter()
    for _ in range(jobs):
        job()
    queued = time.perf_counter()
    # As its worker does, without the pauses between two looks.
    while (task := queue.dequeue()) is not None:
        queue.execute(task)
    return {"version": huey.__version__, "enqueue": queued - begin, "work": time.perf_counter() - queued}


def measure_dbos():
    import importlib.metadata

    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.db", "log_level": "CRITICAL"})
    step = DBOS.step()(up)

    @DBOS.workflow()
    def one():
        step()

    @DBOS.workflow()
    def many():
        for _ in range(jobs):
            step()

    DBOS.launch()
    begin = time.perf_counter()
    for _ in range(jobs):
        one()
    single = time.perf_counter()
    many()
    result = {
        "version": importlib.metadata.version("dbos"), "work": single - begin, "steps": time.perf_counter() - single}
    DBOS.destroy()
    return result


before = database.execute("SELECT amount_cents FROM entries WHERE id = 1").fetchone()[0]
result = {"huey": measure_huey, "dbos": measure_dbos}[kind]()
done = database.execute("SELECT amount_cents FROM entries WHERE id = 1").fetchone()[0] - before
if done != jobs * (2 if kind == "dbos" else 1):
    sys.exit(f"{kind} did {done} of {jobs} jobs")
print(json.dumps(result))
