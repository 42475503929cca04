import BatchCore
import TestSupport
import Testing

/// Two tenants, `a` and `A` beside `b`, in one database with everything by which SQL reaches other rows.
struct TenantScene {
    let scene: BadLuckScene

    static let configuration = "    tenancy: column\n    tenant_column: tenant_id\n"

    static let schema = """
        CREATE TABLE accounts(id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, code TEXT UNIQUE, balance INT);
        CREATE TABLE moves(id INTEGER PRIMARY KEY AUTOINCREMENT, tenant_id TEXT, account INT REFERENCES accounts(id) ON DELETE CASCADE ON UPDATE CASCADE, note);
        CREATE TABLE nocase(tenant_id TEXT COLLATE NOCASE, n INT, v, PRIMARY KEY(tenant_id, n)) WITHOUT ROWID;
        CREATE TABLE numbers(id INTEGER PRIMARY KEY, tenant_id INTEGER, v);
        CREATE TABLE loose(id INTEGER PRIMARY KEY, tenant_id, v);
        CREATE TABLE rates(code TEXT PRIMARY KEY, factor REAL);
        CREATE TABLE log(id INTEGER PRIMARY KEY, what);
        CREATE VIRTUAL TABLE words USING fts5(note);
        CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
        CREATE VIEW all_accounts AS SELECT * FROM accounts;
        CREATE TRIGGER all_accounts_set INSTEAD OF UPDATE ON all_accounts BEGIN
            UPDATE accounts SET balance = new.balance WHERE code = new.code OR tenant_id = 'b'; END;
        CREATE TRIGGER moves_note AFTER INSERT ON moves WHEN new.note = 'spread' BEGIN
            UPDATE accounts SET balance = balance + 1; END;
        INSERT INTO accounts VALUES (1, 'a', 'a1', 10), (2, 'a', 'a2', 20), (3, 'b', 'wasp1', 30), (4, 'b', 'wasp2', 40), (5, 'A', 'BIG1', 50);
        INSERT INTO moves(tenant_id, account, note) VALUES ('a', 1, 'x'), ('b', 3, 'y'), ('b', 1, 'z');
        INSERT INTO nocase VALUES ('a', 1, 'x'), ('b', 1, 'y'), ('A', 2, 'z');
        INSERT INTO numbers VALUES (1, 1, 'x'), (2, 2, 'y'), (3, '1x', 'z');
        INSERT INTO loose VALUES (1, '1', 'text'), (2, 1, 'number'), (3, x'31', 'blob'), (4, 'a', 'a'), (5, x'61', 'blob a');
        INSERT INTO rates VALUES ('eur', 1.0);
        INSERT INTO words(rowid, note) VALUES (1, 'one of a'), (2, 'one of b');
        INSERT INTO places VALUES (1, 0, 1), (2, 2, 3);
        """

    static func with(
        jobs: [String: String] = [:], configuration: String = "", _ body: (BadLuckScene) throws -> Void
    ) throws {
        try BadLuckScene.with(jobs: jobs) { scene in
            try scene.shell("rm app.db*")
            try scene.sql(schema)
            try scene.write(
                "batchmgr.yaml", "databases:\n  main:\n    path: app.db\n\(TenantScene.configuration)\(configuration)")
            try body(scene)
        }
    }
}

extension BadLuckScene {
    /// Runs the tool, which must refuse: nothing of the user's changes, and the audit says so.
    func expectRefused(
        _ words: [String], with error: ErrorCode = .otherTenant, note: String = "",
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try dump()
        let result = try tool(words)
        #expect(result.code == 3, "\(note) \(words): \(result.out)\(result.err)", sourceLocation: location)
        let isNamed = result.err.contains("error: \(error.rawValue): ")
        #expect(isNamed, "\(note): \(result.err)", sourceLocation: location)
        #expect(result.err.contains("\nhint: "), "\(result.err)", sourceLocation: location)
        #expect(try dump() == before, "\(note)", sourceLocation: location)
        let audit = try sql(
            "SELECT count(*) FROM batchmgr_audit WHERE outcome = 'refused' AND details LIKE '%\(error.rawValue)%'")
        #expect(audit != "0", "\(note): no audit row", sourceLocation: location)
    }

    /// A first batch, so that there is a ledger to write the audit into.
    func begin(_ tenant: String = "a") throws {
        try expect(
            0, "--tenant", tenant, "run", "--id", "first", "--sql",
            "UPDATE accounts SET balance = balance + 1 WHERE tenant_id = :tenant")
    }
}
