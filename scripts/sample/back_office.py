"""The correct rows of the sample back office."""

import datetime
import hashlib
import itertools
import pathlib
import random

HERE = pathlib.Path(__file__).parent
TODAY = datetime.date(2026, 6, 30)
FIRST_DAY = datetime.date(2024, 1, 1)

FIRST = (
    "Ada Alan Barbara Claude Dennis Edsger Frances Grace Hedy Ida John Katherine Leslie Margaret Niklaus Ole "
    "Radia Sofia Tim Vera").split()
LAST = (
    "Allen Berger Costa Dubois Eriksen Fischer Garcia Hansen Ito Jansen Kowalski Lopez Moreau Novak Okafor "
    "Petit Rossi Silva Tanaka Weber").split()
CITIES = [
    ("Paris", "FR"), ("Lyon", "FR"), ("Berlin", "DE"), ("Köln", "DE"),
    ("Madrid", "ES"), ("Porto", "PT"), ("Oslo", "NO"), ("Łódź", "PL")]
THINGS = (
    "chair desk lamp shelf cable screen paper toner stapler kettle router headset keyboard folder whiteboard "
    "locker").split()
ADJECTIVES = (
    "blue compact double folding grey heavy light long quiet round short small solid steel tall wooden").split()
WORDS = (
    "agreement amount annex balance batch branch clause client contract credit customer date debit delivery discount "
    "document due fee goods invoice item ledger letter limit month notice number offer order page parcel party payment "
    "period price quarter rate receipt refund reminder return sales service signature stock supplier tax term total "
    "transfer unit value warehouse week year and at before by for from in of on per the to under with without").split()
FEATURES = ["api", "export", "sso", "reports"]
ROLES = ["viewer", "operator", "approver", "admin"]
PLANS = [("starter", 900), ("standard", 2900), ("premium", 9900)]


class Sizes:
    """Rows per table for a wanted file size. Measured: bytes of the empty schema; bytes per invoice and its share
    of all other rows."""

    EMPTY, PER_INVOICE = 100_000, 1_128

    def __init__(self, size):
        self.invoices = max(40, (size - self.EMPTY) // self.PER_INVOICE)
        self.customers = max(10, self.invoices // 10)
        self.documents = max(10, self.invoices // 8)
        self.files = max(5, self.invoices // 40)
        self.products = min(2000, max(20, self.invoices // 20))


class BackOffice:
    """Writes the correct rows, table by table. All choices come from one random generator in one fixed order."""

    def __init__(self, database, size, seed, tenants):
        self.database = database
        self.sizes = Sizes(size)
        self.seed = seed
        self.random = random.Random(seed)
        self.tenant_count = tenants
        days = (TODAY - FIRST_DAY).days
        self.days = [(FIRST_DAY + datetime.timedelta(d)).isoformat() for d in range(days + 400)]
        self.today = days
        self.tenants, self.tenant_of, self.prices, self.document_tenants = [], [], [], []
        self.subscription_of = {}

    def below(self, limit):
        return int(self.random.random() * limit)

    def insert(self, table, width, rows):
        marks = ",".join("?" * width)
        self.database.executemany(f"INSERT INTO {table} VALUES({marks})", rows)

    def write(self):
        self.database.executescript((HERE / "schema.sql").read_text())
        self.database.execute("BEGIN")
        self.insert("tenants", 6, self.tenant_rows())
        self.insert("products", 5, self.product_rows())
        self.insert("customers", 9, self.customer_rows())
        self.write_invoices()
        self.insert("documents", 7, self.document_rows())
        self.insert("files", 8, self.file_rows())
        self.insert("subscriptions", 8, self.subscription_rows())
        self.insert("entitlements", 7, sorted(self.entitlement_rows()))
        self.write_access()
        self.database.execute("COMMIT")
        self.database.executescript((HERE / "indexes.sql").read_text())
        self.insert_cache()

    def write_access(self):
        """What customers may reach and have used, whom is reminded, and who may do what. Their choices come from a
        generator of their own, so that the rows before stay what they were."""
        self.random = random.Random(f"access {self.seed}")
        granted = self.database.execute("SELECT tenant_id, customer_id, feature, active FROM entitlements").fetchall()
        routes, usage, quotas = [], [], []
        for n, (tenant, customer, feature, active) in enumerate(granted):
            routes.append((n + 1, tenant, customer, f"/c/{customer}/{feature}", feature, active))
            if n % 2:
                continue
            calls = 0 if self.below(2) else 1 + self.below(900)
            if calls:
                usage.append((len(usage) + 1, tenant, customer, feature, calls, self.days[self.below(self.today)]))
            quotas.append((tenant, customer, feature, 1000, calls))
        self.insert("routes", 6, routes)
        self.insert("usage", 6, usage)
        self.insert("quotas", 5, quotas)
        self.database.execute(
            "INSERT INTO reminders SELECT id, tenant_id, id, 'sent', due_on FROM invoices WHERE status = 'overdue'")
        self.insert("user_roles", 5, self.role_rows())

    def role_rows(self):
        id = itertools.count(1)
        for tenant in self.tenants:
            for n in range(8):
                role = ROLES[self.below(len(ROLES))]
                yield next(id), tenant, f"{FIRST[self.below(20)].lower()}.{n}", role, role

    def insert_cache(self):
        """What the cache must hold: per customer, the number of invoices and the sum of their lines."""
        self.database.execute(f"""
          INSERT INTO cache
          SELECT c.tenant_id, 'customer:' || c.id, json_object('invoices', count(DISTINCT i.id),
                 'lines_cents', coalesce(sum(l.qty * l.unit_cents), 0)), '{TODAY}'
          FROM customers c LEFT JOIN invoices i ON i.customer_id = c.id
               LEFT JOIN invoice_lines l ON l.invoice_id = i.id
          GROUP BY c.id ORDER BY 1, 2""")

    def tenant_rows(self):
        for n in range(self.tenant_count):
            city, country = CITIES[self.below(len(CITIES))]
            tenant = f"t{n + 1:03}"
            self.tenants.append(tenant)
            name = f"{LAST[n % len(LAST)]} {THINGS[n // len(LAST) % len(THINGS)].title()} {n + 1}"
            plan = ("free", "team", "business")[self.below(3)]
            yield tenant, name, plan, "EUR", country, self.days[self.below(300)]

    def product_rows(self):
        for n in range(self.sizes.products):
            price = 100 + self.below(40_000)
            self.prices.append(price)
            name = f"{ADJECTIVES[self.below(16)]} {THINGS[self.below(16)]}"
            weight = None if self.below(10) == 0 else round(self.random.random() * 20, 3)
            yield n + 1, f"SKU-{n + 1:06}", name, price, weight

    def customer_rows(self):
        for n in range(self.sizes.customers):
            # The square makes some tenants much larger than others, as they are in life.
            tenant = self.tenants[int(self.random.random() ** 2 * self.tenant_count)]
            self.tenant_of.append(tenant)
            first, last = FIRST[self.below(20)], LAST[self.below(20)]
            city, country = CITIES[self.below(len(CITIES))]
            email = None if self.below(20) == 0 else f"{first}.{last}.{n + 1}@example.com"
            limit = 50_000 + 10_000 * self.below(50)
            yield (n + 1, tenant, f"C{n + 1:06}", f"{first} {last}", email, city, country, limit,
                   self.days[self.below(300)])

    def write_invoices(self):
        """Invoices with their lines, payments and ledger entries, a slice at a time so that memory stays flat."""
        lines, payments, entries = itertools.count(1), itertools.count(1), itertools.count(1)
        for start in range(1, self.sizes.invoices + 1, 20_000):
            rows = {"invoices": [], "invoice_lines": [], "payments": [], "ledger_entries": []}
            for id in range(start, min(start + 20_000, self.sizes.invoices + 1)):
                self.invoice(id, rows, lines, payments, entries)
            for (table, batch), width in zip(rows.items(), (9, 8, 7, 9)):
                self.insert(table, width, batch)

    def invoice(self, id, rows, lines, payments, entries):
        customer = self.below(self.sizes.customers)
        tenant = self.tenant_of[customer]
        # Numbers and dates rise together; the last invoices are still open.
        issued = id * self.today // (self.sizes.invoices + 1)
        due = issued + 30
        total = 0
        for _ in range(1 + self.below(5)):
            product, qty = self.below(self.sizes.products), 1 + self.below(9)
            unit = self.prices[product]
            total += qty * unit
            text = f"{ADJECTIVES[product % 16]} {THINGS[product // 16 % 16]}, delivered {self.days[issued]}"
            rows["invoice_lines"].append((next(lines), id, tenant, product + 1, text, qty, unit, qty * unit))
        status = self.status(due)
        note = None if self.below(4) else f"order {self.below(1_000_000)}"
        rows["invoices"].append(
            (id, tenant, customer + 1, f"{self.days[issued][:4]}-{id:07}", status, total, self.days[issued],
             self.days[due], note))
        if status in ("draft", "void"):
            return
        self.book(rows, entries, tenant, id * 4, ("1200 receivables", "4000 sales"), total, issued, "invoice", id)
        if status != "paid":
            return
        parts = [total] if total < 1000 or self.below(6) else [total // 2, total - total // 2]
        for n, amount in enumerate(parts):
            payment, day = next(payments), min(issued + self.below(30), self.today)
            method = ("transfer", "transfer", "card", "debit", "cash")[self.below(5)]
            rows["payments"].append((payment, tenant, id, amount, self.days[day], method, f"PAY-{payment:08}"))
            accounts = ("1000 bank", "1200 receivables")
            self.book(rows, entries, tenant, id * 4 + 1 + n, accounts, amount, day, "payment", payment)

    def status(self, due):
        chance = self.below(100)
        if chance < 2:
            return "void"
        if due > self.today:
            return "draft" if chance < 10 else "open" if chance < 70 else "paid"
        return "overdue" if chance < 8 else "paid"

    def book(self, rows, entries, tenant, journal, accounts, amount, day, kind, source):
        booked = (self.days[day], kind, source)
        rows["ledger_entries"].append((next(entries), tenant, journal, accounts[0], amount, 0, *booked))
        rows["ledger_entries"].append((next(entries), tenant, journal, accounts[1], 0, amount, *booked))

    def document_rows(self):
        sentences = [" ".join(WORDS[self.below(len(WORDS))] for _ in range(8 + self.below(8))) for _ in range(800)]
        for n in range(self.sizes.documents):
            customer = self.below(self.sizes.customers)
            tenant = self.tenant_of[customer]
            self.document_tenants.append(tenant)
            kind = ("letter", "contract", "reminder", "note")[self.below(4)]
            title = f"{kind.title()} {n + 1}: {ADJECTIVES[self.below(16)]} {THINGS[self.below(16)]}"
            body = ". ".join(sentences[self.below(800)] for _ in range(3 + self.below(5)))
            yield n + 1, tenant, customer + 1, kind, title, body + ".", self.days[self.below(self.today)]

    def file_rows(self):
        for n in range(self.sizes.files):
            document = self.below(self.sizes.documents)
            size = 500 + self.below(12_000)
            content = hashlib.shake_128(f"{self.seed}/{n}".encode()).digest(size)
            kind, end = (("application/pdf", "pdf"), ("image/png", "png"))[self.below(2)]
            yield (n + 1, self.document_tenants[document], document + 1, f"scan-{n + 1}.{end}", kind, size,
                   hashlib.sha256(content).hexdigest(), content)

    def subscription_rows(self):
        id = itertools.count(1)
        for customer in range(self.sizes.customers):
            if self.below(2):
                continue
            plan, price = PLANS[self.below(3)]
            start = self.below(self.today)
            end = start + 30 + self.below(350)
            status = "ended" if end < self.today else "active"
            row = (next(id), self.tenant_of[customer], customer + 1, plan, price, status, self.days[start], self.days[end])
            self.subscription_of[customer + 1] = row
            yield row

    def entitlement_rows(self):
        """What a subscription entitles to lasts as long as it does; who has none was granted each feature by hand."""
        for customer in range(self.sizes.customers):
            for feature in FEATURES[: self.below(4)]:
                granted = self.below(self.today)
                expires = None if self.below(5) == 0 else granted + 30 + self.below(350)
                active = 1 if expires is None or expires >= self.today else 0
                row = (self.tenant_of[customer], customer + 1, feature)
                if subscription := self.subscription_of.get(customer + 1):
                    id, _, _, _, _, status, started, _ = subscription
                    yield *row, int(status == "active"), started, None, id
                else:
                    yield *row, active, self.days[granted], None if expires is None else self.days[expires], None
