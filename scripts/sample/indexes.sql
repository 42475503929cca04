-- Run after the rows are in: filling an index once is much faster than keeping it in step.
CREATE INDEX customers_by_email ON customers(email);
CREATE INDEX invoices_by_customer ON invoices(customer_id);
CREATE INDEX invoices_by_number ON invoices(tenant_id, number);
CREATE INDEX invoices_unpaid ON invoices(tenant_id, due_on) WHERE status IN ('open', 'overdue');
CREATE INDEX invoice_lines_by_invoice ON invoice_lines(invoice_id);
CREATE INDEX invoice_lines_by_product ON invoice_lines(product_id);
CREATE INDEX payments_by_invoice ON payments(invoice_id);
CREATE INDEX documents_by_customer ON documents(customer_id);
CREATE INDEX files_by_document ON files(document_id);
CREATE INDEX entitlements_by_subscription ON entitlements(subscription_id);
CREATE INDEX usage_by_customer ON usage(customer_id, feature);
CREATE VIRTUAL TABLE documents_search USING fts5(title, body, content='documents', content_rowid='id');
INSERT INTO documents_search(documents_search) VALUES('rebuild');
CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
  INSERT INTO documents_search(rowid, title, body) VALUES(new.id, new.title, new.body);
END;
CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
  INSERT INTO documents_search(documents_search, rowid, title, body) VALUES('delete', old.id, old.title, old.body);
END;
CREATE TRIGGER documents_updated AFTER UPDATE OF title, body ON documents BEGIN
  INSERT INTO documents_search(documents_search, rowid, title, body) VALUES('delete', old.id, old.title, old.body);
  INSERT INTO documents_search(rowid, title, body) VALUES(new.id, new.title, new.body);
END;
CREATE VIEW unpaid_invoices AS
  SELECT i.id, i.tenant_id, i.number, c.name AS customer, i.total_cents, i.due_on,
         i.total_cents
           - coalesce((SELECT sum(p.amount_cents) FROM payments p WHERE p.invoice_id = i.id), 0) AS open_cents
  FROM invoices i JOIN customers c ON c.id = i.customer_id WHERE i.status IN ('open', 'overdue');
CREATE VIEW customer_balances AS
  SELECT customer, tenant_id, sum(open_cents) AS open_cents, count(*) AS invoices
  FROM unpaid_invoices GROUP BY tenant_id, customer;
CREATE VIEW trial_balance AS
  SELECT tenant_id, account, sum(debit_cents) AS debit_cents, sum(credit_cents) AS credit_cents
  FROM ledger_entries GROUP BY tenant_id, account;
