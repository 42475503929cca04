-- The tables of the sample back office. docs/sample.md explains them.
CREATE TABLE tenants(
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, plan TEXT NOT NULL CHECK(plan IN ('free', 'team', 'business')),
  currency TEXT NOT NULL, country TEXT NOT NULL, created_on TEXT NOT NULL);
CREATE TABLE products(
  id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  price_cents INTEGER NOT NULL CHECK(price_cents > 0), weight_kg REAL);
CREATE TABLE customers(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants(id), number TEXT NOT NULL, name TEXT NOT NULL,
  email TEXT COLLATE NOCASE, city TEXT, country TEXT NOT NULL, credit_limit_cents INTEGER NOT NULL DEFAULT 100000,
  created_on TEXT NOT NULL, UNIQUE(tenant_id, number));
CREATE TABLE invoices(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants(id),
  customer_id INTEGER NOT NULL REFERENCES customers(id), number TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('draft', 'open', 'paid', 'overdue', 'void')),
  total_cents INTEGER NOT NULL, issued_on TEXT NOT NULL, due_on TEXT NOT NULL, note TEXT);
CREATE TABLE invoice_lines(
  id INTEGER PRIMARY KEY, invoice_id INTEGER NOT NULL REFERENCES invoices(id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL, product_id INTEGER NOT NULL REFERENCES products(id), description TEXT NOT NULL,
  qty INTEGER NOT NULL CHECK(qty > 0), unit_cents INTEGER NOT NULL, amount_cents INTEGER NOT NULL);
CREATE TABLE payments(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, invoice_id INTEGER NOT NULL REFERENCES invoices(id),
  amount_cents INTEGER NOT NULL CHECK(amount_cents > 0), paid_on TEXT NOT NULL,
  method TEXT NOT NULL CHECK(method IN ('transfer', 'card', 'debit', 'cash')), reference TEXT NOT NULL UNIQUE);
CREATE TABLE ledger_entries(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, journal INTEGER NOT NULL, account TEXT NOT NULL,
  debit_cents INTEGER NOT NULL DEFAULT 0, credit_cents INTEGER NOT NULL DEFAULT 0, booked_on TEXT NOT NULL,
  source_kind TEXT NOT NULL, source_id INTEGER NOT NULL, UNIQUE(journal, account),
  CHECK(debit_cents >= 0 AND credit_cents >= 0 AND (debit_cents = 0 OR credit_cents = 0)));
CREATE TABLE documents(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants(id),
  customer_id INTEGER REFERENCES customers(id) ON DELETE SET NULL,
  kind TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, created_on TEXT NOT NULL);
CREATE TABLE files(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, document_id INTEGER NOT NULL, name TEXT NOT NULL,
  media_type TEXT NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, content BLOB NOT NULL);
CREATE TABLE subscriptions(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants(id),
  customer_id INTEGER NOT NULL REFERENCES customers(id), plan TEXT NOT NULL, price_cents INTEGER NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('active', 'ended')), started_on TEXT NOT NULL, ends_on TEXT NOT NULL,
  UNIQUE(customer_id, plan));
CREATE TABLE entitlements(
  tenant_id TEXT NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers(id) ON DELETE CASCADE,
  feature TEXT NOT NULL, active INTEGER NOT NULL CHECK(active IN (0, 1)), granted_on TEXT NOT NULL, expires_on TEXT,
  subscription_id INTEGER REFERENCES subscriptions(id) ON DELETE CASCADE,
  PRIMARY KEY(tenant_id, customer_id, feature)) WITHOUT ROWID;
CREATE TABLE cache(
  tenant_id TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, computed_on TEXT NOT NULL,
  PRIMARY KEY(tenant_id, key)) WITHOUT ROWID;
CREATE TABLE routes(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, customer_id INTEGER NOT NULL, path TEXT NOT NULL,
  feature TEXT NOT NULL, active INTEGER NOT NULL CHECK(active IN (0, 1)));
CREATE TABLE usage(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, customer_id INTEGER NOT NULL, feature TEXT NOT NULL,
  calls INTEGER NOT NULL CHECK(calls > 0), day TEXT NOT NULL);
CREATE TABLE quotas(
  tenant_id TEXT NOT NULL, customer_id INTEGER NOT NULL, feature TEXT NOT NULL, allowed INTEGER NOT NULL,
  used INTEGER NOT NULL, PRIMARY KEY(tenant_id, customer_id, feature)) WITHOUT ROWID;
CREATE TABLE reminders(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, invoice_id INTEGER NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('due', 'sent', 'failed')), due_on TEXT NOT NULL);
CREATE TABLE user_roles(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, user_name TEXT NOT NULL, role TEXT NOT NULL, approved_role TEXT,
  UNIQUE(tenant_id, user_name));
CREATE TABLE exports(
  id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, written_on TEXT NOT NULL);
