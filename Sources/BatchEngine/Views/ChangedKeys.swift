internal import BatchCatalog
internal import BatchControl
public import BatchCore
internal import BatchHistory
internal import BatchLedger

/// Which rows a query may answer otherwise since a checkpoint, from what batches recorded: a contract then looks at
/// these alone.
///
/// One is for one look at several contracts: what was recorded is read once for all that were asked at the same time.
public final class ChangedKeys {
    private let session: Session
    /// The last checkpoint when the look began; 0 before the first. What comes later is looked at the next time.
    private let last: Int64
    private var sources: [Int64: BatchChanges?] = [:]
    private var marks: [String: Int64]?
    private var ownConnection: Connection?
    /// More of them are no quicker than all rows.
    private static let most = 50_000

    public init(_ session: Session) throws(BatchError) {
        self.session = session
        last =
            try session.ledger.exists()
            ? session.connection.value("SELECT max(id) FROM main.batchmgr_checkpoints")?.integer ?? 0 : 0
    }

    /// The keys of rows that a contract has to look at again; nil when all have to be: it was never asked, it says not
    /// what it reads, a table was made anew, the undo log is gone, or too much was changed.
    public func keys(of contract: ContractDefinition) -> [[SQLValue]]? {
        guard !contract.key.isEmpty, let mark = mark(of: contract) else { return nil }
        return try? session.reading { () throws(BatchError) in try keys(of: contract, since: mark) }
    }

    private func keys(of contract: ContractDefinition, since mark: Int64) throws(BatchError) -> [[SQLValue]]? {
        guard let changes = try changes(since: mark) else { return [] }
        let read = try ColumnsRead(of: contract.query, on: try compiler())
        var keys: Set<[SQLValue]> = []
        for table in changes.tables where read.reads(table.name) {
            guard !table.isReadWhole, let layout = table.before else { return nil }
            let found = try add(changes, table, layout, contract.reads[folded: table.name], read.places(in: layout))
            guard let found else { return nil }
            keys.formUnion(found)
            if keys.count > ChangedKeys.most { return nil }
        }
        return Array(keys)
    }

    /// A connection that compiles queries, and does not know the functions that look at something outside the database: a
    /// contract that calls one is asked of all rows.
    private func compiler() throws(BatchError) -> Connection {
        if let ownConnection { return ownConnection }
        let connection = try Connection(path: session.path, mode: .readOnly)
        for function in Checksums.functions { connection.add(function) }
        ownConnection = connection
        return connection
    }

    /// The batch that made all changes since a contract was last asked; nil when there were several: it is the rows that
    /// tell then.
    public func batch(of contract: ContractDefinition) -> String? {
        guard let mark = mark(of: contract) else { return nil }
        let checkpoints = try? session.ledger.checkpoints(
            where: "id > ? AND id <= ?", [.integer(mark), .integer(last)])
        guard let seq = checkpoints?.first?.batch, checkpoints?.allSatisfy({ $0.batch == seq }) == true else {
            return nil
        }
        return (try? session.ledger.batch(seq: seq))??.batch.description
    }

    /// Nil when there are none.
    private func changes(since mark: Int64) throws(BatchError) -> BatchChanges? {
        if let known = sources[mark] { return known }
        let checkpoints = try session.ledger.checkpoints(where: "id > ? AND id <= ?", [.integer(mark), .integer(last)])
        let changes =
            checkpoints.isEmpty ? nil : try BatchChanges(session.ledger, checkpoints: checkpoints.map(\.id))
        sources[mark] = .some(changes)
        return changes
    }

    /// - Parameters:
    ///   - names: the columns of the table that say which row of the contract a row belongs to; nil when none do.
    ///   - used: places of columns that the query reads; nil: any of them may matter.
    private func add(
        _ changes: BatchChanges, _ table: ChangedTable, _ layout: TableLayout, _ names: [String]?, _ used: [Int]?
    ) throws(BatchError) -> Set<[SQLValue]>? {
        let stored = layout.storedColumns.map { layout.columns[$0].name.lowercased() }
        let places = (names ?? []).compactMap { name in stored.firstIndex(of: name.lowercased()) }
        var (keys, isWhole) = (Set<[SQLValue]>(), true)
        try changes.forEachChange(of: table) { (row) throws(BatchError) in
            if let used, let before = row.before, let after = row.after,
                used.allSatisfy({ before[$0] == after[$0] })
            {
                return
            }
            for values in [row.before, row.after].compactMap(\.self) {
                let key = places.map { values[$0] }
                guard let names, places.count == names.count, key.allSatisfy(\.isPlainKey) else {
                    isWhole = false
                    return
                }
                keys.insert(key)
            }
        }
        return isWhole ? keys : nil
    }

    // MARK: Until where a contract was asked

    /// Keeps that nothing older than this look has to be looked at again for a contract. It is only quicker for it.
    public func note(_ contract: ContractDefinition) {
        guard session.workspace.hasRecords, last > 0, !contract.key.isEmpty, let label = label(contract) else { return }
        try? session.control().set(.contractCheckpoint, label, to: Int(last))
    }

    private func mark(of contract: ContractDefinition) -> Int64? {
        guard session.workspace.hasRecords, let label = label(contract) else { return nil }
        if marks == nil {
            let figures = (try? session.control().figures(of: .contractCheckpoint)) ?? []
            marks = Dictionary(figures.map { ($0.label, $0.value) }) { $1 }
        }
        guard let mark = marks?[label] else { return nil }
        // A database that was put back has fewer checkpoints than it had.
        return mark <= last ? mark : nil
    }

    /// One of the database, the contract and its words: another query was never asked.
    private func label(_ contract: ContractDefinition) -> String? {
        guard let database = try? session.databaseID else { return nil }
        let hash = SHA256()
        let words = [contract.query] + contract.key + contract.reads.sorted { $0.key < $1.key }.flatMap { [$0] + $1 }
        Array(words.joined(separator: "\u{0}").utf8).withUnsafeBytes { hash.update($0) }
        return "\(database)/\(contract.id)/\(Hex.string(hash.finish()).prefix(16))"
    }
}

extension [String: [String]] {
    fileprivate subscript(folded name: String) -> [String]? {
        first { $0.key.lowercased() == name.lowercased() }?.value
    }
}
