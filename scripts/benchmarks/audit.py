"""What it costs to prove that nobody has rewritten the audit."""

import hashlib
import sqlite3
import struct

from harness import Failure, Table, median, milliseconds, plain, size_of

ROWS = 1_000_000
MOST = 3.0


def field(text):
    if text is None:
        return b"\xff\xff\xff\xff"
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def chain(seq, previous, count):
    """Rows as docs/audit.md describes them, after the one with the hash `previous`."""
    for number in range(seq + 1, seq + count + 1):
        texts = [
            f"2026-11-21T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z",
            hashlib.md5(str(number).encode()).hexdigest(), "operator", f"t{number % 300:03}" if number % 2 else None,
            "run", f"reprice_invoices.{number}", "committed"]
        details = f'{{"rows":{{"inserted":0,"updated":{number % 1000},"deleted":0}}}}'
        inner = hashlib.sha256(details.encode()).hexdigest()
        data = b"batchmgr-audit-1\n" + struct.pack(">q", number) + b"".join(map(field, [*texts, inner, previous]))
        own = hashlib.sha256(data).hexdigest()
        yield (number, *texts, details, inner, previous, own)
        previous = own


def fill(path, count):
    database = sqlite3.connect(path)
    seq, previous = database.execute("SELECT seq, hash FROM batchmgr_audit ORDER BY seq DESC LIMIT 1").fetchone()
    columns = (
        "seq, at, trace_id, actor, tenant, action, batch, outcome, details, details_hash, previous_hash, hash")
    database.executemany(
        f"INSERT INTO batchmgr_audit({columns}) VALUES({', '.join('?' * 12)})", chain(seq, previous, count))
    database.commit()
    database.close()


def audit(bench):
    """audit: `audit verify` of a chain of 1,000,000 rows."""
    rows = ROWS // bench.divisor
    folder = bench.started(bench.entries(10), "audited")
    bench.say(f"making {rows:,} rows")
    fill(folder / "app.db", rows)
    times = []
    for _ in range(bench.repeats):
        document, wall = bench.tool(folder, "audit", "verify")
        if document["rows"]["ledger"] < rows:
            raise Failure(f"audit verify saw {document['rows']} rows")
        times.append(wall)
    spent = median(times)
    return Table(
        "`audit verify`", "",
        [
            plain(f"{rows:,} rows", milliseconds(spent), f"≤ {milliseconds(MOST)}", spent <= MOST),
            plain("per row", f"{spent / rows * 1e6:.2f} µs"),
            plain("the database", f"{size_of(folder) / 1e6:,.0f} MB"),
        ])
