"""Business anomalies: each kind damages one sort of row, knows what is right, and can find itself again.

Kinds that concern invoices keep to invoices of their own remainder of id / 8, so that no row has two faults and the
truth of each is plain.
"""

from back_office import TODAY

LINES = "(SELECT sum(l.qty * l.unit_cents) FROM invoice_lines l WHERE l.invoice_id = {})"
ENTITLED = (
    "entitlements e WHERE e.tenant_id = r.tenant_id AND e.customer_id = r.customer_id AND e.feature = r.feature AND e.active = 1 "
    f"AND (e.expires_on IS NULL OR e.expires_on >= '{TODAY}') AND (e.subscription_id IS NULL OR EXISTS (SELECT 1 "
    f"FROM subscriptions s WHERE s.id = e.subscription_id AND s.status = 'active' AND s.ends_on >= '{TODAY}'))")
ENDED = f"(SELECT id FROM subscriptions WHERE ends_on < '{TODAY}')"
CACHED = """
  SELECT json_object('invoices', count(DISTINCT i.id), 'lines_cents', coalesce(sum(l.qty * l.unit_cents), 0))
  FROM invoices i LEFT JOIN invoice_lines l ON l.invoice_id = i.id
  WHERE i.customer_id = CAST(substr(k.key, 10) AS INTEGER)"""


class Anomaly:
    """One kind.

    candidates: SQL for the rows that may be damaged: the key, then the right value.
    wrong: SQL expression for the damaged value; :right and :dice (0 to 999,999) are bound.
    found: SQL for the keys of damaged rows, by looking at the data alone.
    """

    def __init__(self, kind, table, column, candidates, wrong, found, key=("id",)):
        self.kind, self.table, self.column, self.key = kind, table, column, key
        self.candidates, self.wrong, self.found = candidates, wrong, found

    def where(self):
        return " AND ".join(f"{column} = :key{n}" for n, column in enumerate(self.key))

    def damage(self, database, key, right, dice):
        """Returns the damaged value."""
        values = {"right": right, "dice": dice, **{f"key{n}": part for n, part in enumerate(key)}}
        database.execute(f"UPDATE {self.table} SET {self.column} = {self.wrong} WHERE {self.where()}", values)
        query = f"SELECT {self.column} FROM {self.table} WHERE {self.where()}"
        return database.execute(query, values).fetchone()[0]


class MissingSearchRow(Anomaly):
    """The row stays; its entry in the index goes."""

    def damage(self, database, key, right, dice):
        database.execute(
            "INSERT INTO documents_search(documents_search, rowid, title, body) "
            "SELECT 'delete', id, title, body FROM documents WHERE id = ?", key)
        return None


KINDS = [
    Anomaly(
        "invoice_total", "invoices", "total_cents",
        "SELECT id, total_cents FROM invoices WHERE id % 8 = 0",
        ":right + 1 + :dice % 5000",
        f"SELECT i.id FROM invoices i WHERE i.total_cents <> {LINES.format('i.id')}"),
    Anomaly(
        "duplicate_number", "invoices", "number",
        "SELECT id, number FROM invoices i WHERE id % 8 = 1 "
        "AND EXISTS (SELECT 1 FROM invoices o WHERE o.tenant_id = i.tenant_id AND o.id < i.id AND o.id % 8 <> 1)",
        "(SELECT o.number FROM invoices o WHERE +o.tenant_id = invoices.tenant_id AND o.id < invoices.id "
        "AND o.id % 8 <> 1 ORDER BY o.id DESC LIMIT 1)",
        "SELECT i.id FROM invoices i JOIN invoices o "
        "ON o.tenant_id = i.tenant_id AND o.number = i.number AND o.id < i.id"),
    Anomaly(
        "overpayment", "payments", "amount_cents",
        "SELECT id, amount_cents FROM payments WHERE invoice_id % 8 = 2",
        f"{LINES.format('payments.invoice_id')} + 1 + :dice % 5000",
        f"SELECT p.id FROM payments p WHERE p.amount_cents > {LINES.format('p.invoice_id')}"),
    Anomaly(
        "unnoticed_payment", "invoices", "status",
        "SELECT id, status FROM invoices WHERE id % 8 = 3 AND status = 'paid'",
        "'open'",
        "SELECT i.id FROM invoices i WHERE i.status IN ('open', 'overdue') AND "
        "(SELECT sum(p.amount_cents) FROM payments p WHERE p.invoice_id = i.id) >= i.total_cents"),
    Anomaly(
        "line_amount", "invoice_lines", "amount_cents",
        "SELECT id, amount_cents FROM invoice_lines WHERE invoice_id % 8 = 4",
        ":right + 1 + :dice % 500",
        "SELECT id FROM invoice_lines WHERE amount_cents <> qty * unit_cents"),
    Anomaly(
        "unbalanced_journal", "ledger_entries", "debit_cents",
        "SELECT id, debit_cents FROM ledger_entries WHERE journal / 4 % 8 = 5 AND debit_cents > 0",
        ":right + 1 + :dice % 5000",
        "SELECT id FROM ledger_entries WHERE debit_cents > 0 AND journal IN "
        "(SELECT journal FROM ledger_entries GROUP BY journal HAVING sum(debit_cents) <> sum(credit_cents))"),
    Anomaly(
        "unknown_source", "ledger_entries", "source_id",
        "SELECT id, source_id FROM ledger_entries WHERE journal / 4 % 8 = 6 AND source_kind = 'invoice'",
        "1000000000 + id",
        "SELECT e.id FROM ledger_entries e WHERE e.source_kind = 'invoice' "
        "AND NOT EXISTS (SELECT 1 FROM invoices i WHERE i.id = e.source_id)"),
    Anomaly(
        "payment_of_other_tenant", "payments", "tenant_id",
        "SELECT id, tenant_id FROM payments WHERE invoice_id % 8 = 7 AND (SELECT count(*) FROM tenants) > 1",
        "(SELECT id FROM tenants WHERE id <> :right ORDER BY id LIMIT 1 "
        "OFFSET :dice % (SELECT count(*) - 1 FROM tenants))",
        "SELECT p.id FROM payments p JOIN invoices i ON i.id = p.invoice_id WHERE p.tenant_id <> i.tenant_id"),
    Anomaly(
        "expired_entitlement", "entitlements", "active",
        f"SELECT tenant_id, customer_id, feature, active FROM entitlements WHERE expires_on < '{TODAY}'",
        "1",
        f"SELECT tenant_id, customer_id, feature FROM entitlements WHERE active = 1 AND expires_on < '{TODAY}'",
        key=("tenant_id", "customer_id", "feature")),
    Anomaly(
        "expired_subscription", "subscriptions", "status",
        "SELECT id, status FROM subscriptions WHERE status = 'ended'",
        "'active'",
        f"SELECT id FROM subscriptions WHERE status = 'active' AND ends_on < '{TODAY}'"),
    Anomaly(
        "stale_cache", "cache", "value",
        "SELECT tenant_id, key, value FROM cache",
        "json_set(:right, '$.lines_cents', json_extract(:right, '$.lines_cents') + 1 + :dice)",
        f"SELECT k.tenant_id, k.key FROM cache k WHERE k.value <> ({CACHED})",
        key=("tenant_id", "key")),
    Anomaly(
        "orphan_file", "files", "document_id",
        "SELECT id, document_id FROM files WHERE id % 2 = 0",
        "1000000000 + id",
        "SELECT f.id FROM files f WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = f.document_id)"),
    Anomaly(
        "damaged_file", "files", "content",
        "SELECT id, content FROM files WHERE id % 2 = 1",
        "CAST(substr(:right, 1, length(:right) - 1) || x'00' AS BLOB)",
        "SELECT id FROM files WHERE sha256(content) <> sha256"),
    MissingSearchRow(
        "missing_search_row", "documents", None,
        "SELECT id, NULL FROM documents",
        None,
        "SELECT id FROM documents WHERE id NOT IN (SELECT id FROM documents_search_docsize)"),
    Anomaly(
        "quota_without_usage", "quotas", "used",
        "SELECT tenant_id, customer_id, feature, used FROM quotas WHERE used = 0",
        "1 + :dice % 900",
        "SELECT q.tenant_id, q.customer_id, q.feature FROM quotas q WHERE q.used > 0 AND NOT EXISTS "
        "(SELECT 1 FROM usage u WHERE u.customer_id = q.customer_id AND u.feature = q.feature)",
        key=("tenant_id", "customer_id", "feature")),
    Anomaly(
        "failed_dunning", "reminders", "status",
        "SELECT id, status FROM reminders",
        "'failed'",
        "SELECT r.id FROM reminders r JOIN invoices i ON i.id = r.invoice_id "
        "WHERE r.status = 'failed' AND i.status IN ('open', 'overdue')"),
    Anomaly(
        "route_without_entitlement", "routes", "active",
        f"SELECT id, active FROM routes r WHERE active = 0 AND NOT EXISTS (SELECT 1 FROM {ENTITLED})",
        "1",
        f"SELECT r.id FROM routes r WHERE r.active = 1 AND NOT EXISTS (SELECT 1 FROM {ENTITLED})"),
    Anomaly(
        "role_too_high", "user_roles", "role",
        "SELECT id, role FROM user_roles WHERE role IN ('viewer', 'operator')",
        "CASE :dice % 2 WHEN 0 THEN 'approver' ELSE 'admin' END",
        "SELECT id FROM user_roles WHERE "
        "instr('viewer operator approver admin', role) > instr('viewer operator approver admin', approved_role)"),
    Anomaly(
        "entitlement_without_subscription", "entitlements", "active",
        f"SELECT tenant_id, customer_id, feature, active FROM entitlements WHERE subscription_id IN {ENDED}",
        "1",
        f"SELECT tenant_id, customer_id, feature FROM entitlements WHERE active = 1 AND subscription_id IN {ENDED}",
        key=("tenant_id", "customer_id", "feature")),
]


def damage(database, random, share):
    """Damages `share` of each kind's table, at least one row a kind. Returns the truth."""
    truth = []
    for kind in KINDS:
        rows = database.execute(f"SELECT count(*) FROM {kind.table}").fetchone()[0]
        candidates = database.execute(f"{kind.candidates} ORDER BY {', '.join(kind.key)}").fetchall()
        wanted = min(len(candidates), max(1, round(rows * share)))
        for row in sorted(random.sample(candidates, wanted)):
            key, right = row[:-1], row[-1]
            wrong = kind.damage(database, key, right, int(random.random() * 1_000_000))
            truth.append(entry(kind, key, right, wrong))
    return truth


def entry(kind, key, right, wrong):
    document = {"kind": kind.kind, "table": kind.table, "key": dict(zip(kind.key, key))}
    if kind.column is None:
        return document
    plain = lambda value: {"blob": value.hex()} if isinstance(value, bytes) else value
    return {**document, "column": kind.column, "right": plain(right), "wrong": plain(wrong)}


def found(database):
    """The damaged rows as (kind, key), by looking at the data alone."""
    return {(kind.kind, row) for kind in KINDS for row in database.execute(kind.found)}
