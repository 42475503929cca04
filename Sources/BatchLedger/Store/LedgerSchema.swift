internal import BatchCore

/// The tables of the ledger. `docs/internals/ledger.md` explains each; a test holds the two together.
///
/// Every statement stands on one line: then `sqlite3 app.db .dump | grep -v batchmgr_` shows the user's data alone.
enum LedgerSchema {
    /// 1: version 0.1. 2: the lease and the home of the database.
    static let version: Int64 = 2

    /// Of its tables and indexes.
    static let names: Set<String> = Set(
        texts.compactMap { statement in
            statement.split(separator: "(", maxSplits: 1).first?.split(separator: " ")
                .first { $0.contains("batchmgr_") }
                .map { String($0.split(separator: ".").last ?? "") }
        })

    /// The text of each object as SQLite keeps it, by its name.
    static let creations: [String: String] = texts.reduce(into: [:]) { creations, statement in
        let text = statement.replacing("IF NOT EXISTS ", with: "").replacing("main.", with: "")
        guard let name = text.split(separator: "(", maxSplits: 1).first?.split(separator: " ").dropFirst(2).first else {
            return
        }
        creations[String(name)] = text
    }

    /// A table of the connection with such a name must not take their place.
    static func statements(_ names: LedgerNames) -> [String] {
        texts.map { names.created($0.replacing("EXISTS batchmgr_", with: "EXISTS main.batchmgr_")) }
    }

    private static let texts: [String] = [
        "CREATE TABLE IF NOT EXISTS batchmgr_meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_batches(seq INTEGER PRIMARY KEY, batch TEXT NOT NULL UNIQUE, job TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, job_version TEXT, tenant TEXT, status TEXT NOT NULL, idempotency_key TEXT, actor TEXT NOT NULL, trace_id TEXT NOT NULL, definition TEXT, parameters TEXT, started_at TEXT NOT NULL, finished_at TEXT, inserted INTEGER NOT NULL DEFAULT 0, updated INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, digest_before TEXT, digest_after TEXT, has_ddl INTEGER NOT NULL DEFAULT 0, rolls_back TEXT, error TEXT) STRICT",
        "CREATE INDEX IF NOT EXISTS batchmgr_batches_job ON batchmgr_batches(job, number)",
        "CREATE INDEX IF NOT EXISTS batchmgr_batches_key ON batchmgr_batches(idempotency_key) WHERE idempotency_key IS NOT NULL",
        "CREATE TABLE IF NOT EXISTS batchmgr_checkpoints(id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, number INTEGER NOT NULL, step TEXT NOT NULL, position TEXT, committed_at TEXT NOT NULL, inserted INTEGER NOT NULL, updated INTEGER NOT NULL, deleted INTEGER NOT NULL, undone_by INTEGER, schema_before INTEGER NOT NULL DEFAULT 0, schema_after INTEGER NOT NULL DEFAULT 0, UNIQUE(batch, number)) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_layouts(id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, layout TEXT NOT NULL) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_changes(checkpoint INTEGER NOT NULL, number INTEGER NOT NULL, table_name TEXT NOT NULL, layout INTEGER NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY(checkpoint, number)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_undo(checkpoint INTEGER NOT NULL, block INTEGER NOT NULL, entries INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(checkpoint, block)) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_relations(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, table_name TEXT NOT NULL, columns TEXT NOT NULL, UNIQUE(kind, table_name, columns)) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_facts(relation INTEGER NOT NULL, checkpoint INTEGER NOT NULL, side INTEGER NOT NULL, part INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL, count INTEGER NOT NULL, keys BLOB NOT NULL, PRIMARY KEY(relation, checkpoint, side, part)) STRICT, WITHOUT ROWID",
        "CREATE INDEX IF NOT EXISTS batchmgr_facts_checkpoint ON batchmgr_facts(checkpoint)",
        "CREATE TABLE IF NOT EXISTS batchmgr_fact_sums(checkpoint INTEGER PRIMARY KEY, parts INTEGER NOT NULL, digest TEXT NOT NULL) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_state(table_name TEXT PRIMARY KEY, digest TEXT NOT NULL, rows INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_orphans(table_name TEXT NOT NULL, relation INTEGER NOT NULL, keys BLOB NOT NULL, PRIMARY KEY(table_name, relation)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_dependencies(batch INTEGER NOT NULL, needs INTEGER NOT NULL, evidence TEXT NOT NULL, PRIMARY KEY(batch, needs)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_queued(batch INTEGER PRIMARY KEY, queued_by INTEGER NOT NULL, step TEXT NOT NULL, job INTEGER NOT NULL) STRICT",
        "CREATE INDEX IF NOT EXISTS batchmgr_queued_by ON batchmgr_queued(queued_by)",
        "CREATE TABLE IF NOT EXISTS batchmgr_pins(checkpoint INTEGER PRIMARY KEY, time INTEGER, seed INTEGER) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_replays(batch INTEGER PRIMARY KEY, replays INTEGER NOT NULL, rollback INTEGER NOT NULL) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_undone(rollback INTEGER NOT NULL, checkpoint INTEGER NOT NULL, PRIMARY KEY(rollback, checkpoint)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_worklists(batch INTEGER NOT NULL, step TEXT NOT NULL, part INTEGER NOT NULL, items INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(batch, step, part)) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_effects(id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, checkpoint INTEGER NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL, undone_by INTEGER) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_points(id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, last_checkpoint INTEGER NOT NULL, bak TEXT, bak_kind TEXT, bak_sha256 TEXT, commit_id TEXT, digest TEXT, created_at TEXT NOT NULL) STRICT",
        "CREATE INDEX IF NOT EXISTS batchmgr_points_batch ON batchmgr_points(batch)",
        "CREATE INDEX IF NOT EXISTS batchmgr_points_pending ON batchmgr_points(id) WHERE status = 'pending'",
        "CREATE INDEX IF NOT EXISTS batchmgr_points_bak ON batchmgr_points(id) WHERE bak IS NOT NULL",
        "CREATE INDEX IF NOT EXISTS batchmgr_batches_running ON batchmgr_batches(seq) WHERE status = 'running'",
        "CREATE TABLE IF NOT EXISTS batchmgr_files(sha256 TEXT PRIMARY KEY, xxh3 TEXT NOT NULL) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_gate(open INTEGER PRIMARY KEY) STRICT",
        "CREATE TABLE IF NOT EXISTS batchmgr_drift(table_name TEXT NOT NULL, kind INTEGER NOT NULL, k0 ANY NOT NULL, k1 ANY NOT NULL, k2 ANY NOT NULL, k3 ANY NOT NULL, PRIMARY KEY(table_name, kind, k0, k1, k2, k3)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_switches(name TEXT NOT NULL, workspace TEXT NOT NULL, value TEXT NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, set_at TEXT NOT NULL, expires_at TEXT, PRIMARY KEY(name, workspace)) STRICT, WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS batchmgr_signals(handover TEXT NOT NULL, name TEXT NOT NULL, tenant TEXT NOT NULL, minute INTEGER NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL NOT NULL, PRIMARY KEY(handover, name, tenant, minute, bucket)) STRICT, WITHOUT ROWID",
        LeaseTable.creation,
        AuditTable.creation,
    ]
}
