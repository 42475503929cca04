public import BatchCore
public import BatchLedger

/// A chain of audit rows: each bears the hash of the one before it.
public struct AuditChain {
    public let place: AuditPlace
    public let table: AuditTable
    private var connection: Connection { table.connection }

    public init(_ place: AuditPlace, on connection: Connection) {
        self.place = place
        table = AuditTable(connection)
    }

    /// Appends a row, in the open transaction or in one of its own: two processes at once make one chain.
    /// - Returns: its `seq`.
    @discardableResult
    public func append(_ entry: AuditEntry) throws(BatchError) -> Int64 {
        if connection.isAutocommit {
            return try connection.transaction { () throws(BatchError) in try append(entry) }
        }
        try table.addColumns()
        let seq = try table.append(entry)
        try seal()
        return seq
    }

    /// Gives the rows at the end that have no hash yet their place in the chain. Call it in a transaction.
    public func seal() throws(BatchError) {
        let sealed = try connection.rows(
            "SELECT seq, hash FROM main.batchmgr_audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1"
        ).first
        var previous = sealed?[1].string ?? AuditEncoding.genesis
        let open = try table.rows(of: place, where: "seq > ?", [.integer(sealed?[0].integer ?? 0)])
        let hasher = AuditHasher()
        var encoding = AuditEncoding()
        for row in open {
            let details = hasher.hash(row.entry.details.utf8)
            encoding.encode(row.entry, seq: row.seq, detailsHash: details, previousHash: previous)
            let hash = hasher.hash(encoding.bytes)
            try table.seal(row.seq, detailsHash: details, previousHash: previous, hash: hash)
            previous = hash
        }
    }

    /// The last row; nil while there is none. Call it in a transaction.
    /// - Parameter chain: the name of the ledger or of `control.db`.
    public func head(chain: String) throws(BatchError) -> AuditHead? {
        try table.addColumns()
        try seal()
        guard let last = try table.last(), let hash = last.hash else { return nil }
        return AuditHead(place: place, chain: chain, seq: last.seq, hash: hash)
    }

    /// The last row that has its hash; nil while there is none.
    public func sealedHead(chain: String) throws(BatchError) -> AuditHead? {
        guard try table.hasHashes() else { return nil }
        let sql = "SELECT seq, hash FROM main.batchmgr_audit WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1"
        guard let row = try connection.rows(sql).first, let seq = row[0].integer, let hash = row[1].string else {
            return nil
        }
        return AuditHead(place: place, chain: chain, seq: seq, hash: hash)
    }

    /// Notes that the details of rows were cleaned of what was erased: their hash in the chain stays, and the row of the
    /// erasure vouches for the new one.
    /// - Returns: for its details.
    public static func vouchers(_ rows: [(seq: Int64, details: String)]) -> JSONValue {
        let hasher = AuditHasher()
        return .array(
            rows.map { ["seq": .integer($0.seq), "details_hash": .string(hasher.hash($0.details.utf8))] })
    }

    /// What the row of an erasure is called.
    public static let erasure = "erase"

    /// The key of those in the details of an erasure.
    public static let voucherKey = "audit_rows"
}
