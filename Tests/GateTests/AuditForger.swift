import TestSupport
import Testing

/// Somebody who can write every file but has not the key: changes an audit table, and may compute all hashes anew, as
/// docs/audit.md describes them.
enum AuditForger {
    private static let script = """
        import hashlib, sqlite3, struct, sys
        database = sqlite3.connect(sys.argv[1])
        database.executescript(sys.argv[2])
        previous = '0' * 64
        def field(text):
            if text is None: return b'\\xff\\xff\\xff\\xff'
            data = text.encode()
            return struct.pack('>I', len(data)) + data
        rows = database.execute('SELECT seq, at, trace_id, actor, tenant, action, batch, outcome, details FROM batchmgr_audit ORDER BY seq').fetchall()
        for seq, *texts, details in rows:
            inner = hashlib.sha256(details.encode()).hexdigest()
            data = b'batchmgr-audit-1\\n' + struct.pack('>q', seq) + b''.join(map(field, texts + [inner, previous]))
            own = hashlib.sha256(data).hexdigest()
            database.execute('UPDATE batchmgr_audit SET details_hash = ?, previous_hash = ?, hash = ? WHERE seq = ?', (inner, previous, own, seq))
            previous = own
        database.commit()
        print(previous)
        """

    /// Runs SQL and computes every hash of the chain anew.
    /// - Returns: the last hash.
    @discardableResult
    static func rewrite(_ database: String, _ sql: String, _ scene: BadLuckScene) throws -> String {
        let result = try scene.shell("python3 -c \"$1\" '\(database)' \"$2\"", [script, sql])
        try #require(result.code == 0, "\(result.err)")
        return String(result.out.dropLast())
    }
}
