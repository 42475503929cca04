internal import BatchCore

/// Finds batches that read columns which the batches of a search wrote.
struct ReaderSearch {
    private let ledger: Ledger

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// What one batch wrote of a table.
    private struct Writing {
        let batch: Int64
        let from: Int64
        /// In lower case; nil for all: rows came or went, or the table itself changed.
        var columns: Set<String>?
    }

    /// Readers in commit order that are not dependents already.
    func readers(of search: DependencySearch) throws(BatchError) -> [DependencyEdge] {
        let columns = try readersOfColumns(search)
        let known = Set(columns.map(\.batch))
        let others = try MissedObjects(ledger).writers(search).filter { !known.contains($0.batch) }
        return (columns + others).sorted { $0.batch < $1.batch }
    }

    private func readersOfColumns(_ search: DependencySearch) throws(BatchError) -> [DependencyEdge] {
        let writings = try writings(of: search)
        var evidence: [Int64: (on: Int64, columns: Set<String>)] = [:]
        for (id, relation) in search.relations where relation.kind == .columns {
            for writing in writings[relation.table.lowercased()] ?? [] {
                guard let columns = ReaderSearch.shared(relation, writing) else { continue }
                for batch in try batches(reading: id, after: writing.from, search) where !search.isDependent(batch) {
                    evidence[batch, default: (writing.batch, [])].columns.formUnion(columns)
                }
            }
        }
        return evidence.map { batch, reading in
            DependencyEdge(
                batch: batch, on: reading.on, depth: search.depth(of: reading.on) + 1, kind: .read,
                evidence: ReaderSearch.words(reading.columns))
        }
    }

    // MARK: Parts

    private func writings(of search: DependencySearch) throws(BatchError) -> [String: [Writing]] {
        var writings: [String: [Writing]] = [:]
        for keys in search.undone where !keys.isUse {
            switch keys.relation.kind {
            case .rows:
                let comesOrGoes = keys.sides[.added] != nil || keys.sides[.removed] != nil
                if comesOrGoes {
                    note(keys, nil, keys.relation.table, &writings)
                } else if keys.sides[.changed] != nil {
                    // The columns are noted once for a run of the batch, perhaps before the part that is undone.
                    for columns in try updatedColumns(keys, search) {
                        note(keys, columns, keys.relation.table, &writings)
                    }
                }
            case .definition:
                // `view v`: readers know the name alone.
                let name = keys.relation.table
                let kinds = ["view ", "trigger ", "index "]
                let bare = kinds.first { name.hasPrefix($0) }.map { String(name.dropFirst($0.count)) } ?? name
                note(keys, nil, bare, &writings)
            case .columns where keys.relation.columns == "*":
                note(keys, nil, keys.relation.table, &writings)
            case .columns, .unique: continue
            }
        }
        return writings
    }

    private func note(
        _ keys: DependencySearch.UndoneKeys, _ columns: Set<String>?, _ table: String,
        _ writings: inout [String: [Writing]]
    ) {
        writings[table.lowercased(), default: []].append(
            Writing(batch: keys.batch, from: keys.from, columns: columns))
    }

    private func updatedColumns(_ keys: DependencySearch.UndoneKeys, _ search: DependencySearch) throws(BatchError)
        -> [Set<String>?]
    {
        let sql = """
            SELECT DISTINCT f.relation FROM main.batchmgr_checkpoints c JOIN main.batchmgr_facts f ON f.checkpoint = c.id \
            WHERE c.batch = ? AND f.side = \(FactSide.written.rawValue)
            """
        let written = try ledger.connection.rows(sql, [.integer(keys.batch)]).compactMap { row in
            row[0].integer.flatMap { search.relations[$0] }
        }.filter { $0.table == keys.relation.table }
        // A ledger of an older program does not know them.
        if written.isEmpty { return [nil] }
        return written.map { $0.columns == "*" ? nil : Set($0.columns.split(separator: ",").map { $0.lowercased() }) }
    }

    /// The columns, with their table, that were both read and written; nil when there are none.
    private static func shared(_ relation: Relation, _ writing: Writing) -> Set<String>? {
        let read = relation.columns.split(separator: ",").map(String.init)
        if relation.columns == "*" { return nil }
        guard let written = writing.columns else {
            return read.isEmpty ? [relation.table] : Set(read.map { "\(relation.table).\($0)" })
        }
        let shared = read.filter { written.contains($0.lowercased()) }
        return shared.isEmpty ? nil : Set(shared.map { "\(relation.table).\($0)" })
    }

    private func batches(
        reading relation: Int64, after checkpoint: Int64, _ search: DependencySearch
    ) throws(BatchError) -> [Int64] {
        let sql = """
            SELECT DISTINCT c.batch, iif(c.undone_by IS NULL, NULL, c.id) FROM main.batchmgr_facts f CROSS JOIN main.batchmgr_checkpoints c ON c.id = f.checkpoint \
            CROSS JOIN main.batchmgr_batches b ON b.seq = c.batch WHERE f.relation = ? AND f.checkpoint > ? \
            AND f.side = \(FactSide.read.rawValue) AND (c.undone_by IS NULL OR ?) AND b.kind = 'batch'
            """
        let rows = try ledger.connection.rows(
            sql, [.integer(relation), .integer(checkpoint), .integer(search.revived.isEmpty ? 0 : 1)])
        return rows.filter { $0[1].integer.map(search.revived.contains) ?? true }.compactMap { $0[0].integer }
    }

    /// `read products.price, products.sku and 3 more`
    private static func words(_ columns: Set<String>) -> String {
        let names = columns.sorted()
        let rest = names.count > 4 ? " and \(names.count - 4) more" : ""
        return "read " + names.prefix(4).joined(separator: ", ") + rest
    }
}

/// Finds batches that would be overtaken when dependents run again: they wrote, after a dependent had run, what the
/// dependent reads. To keep the order, they have to run again too.
struct OvertakenSearch {
    private let ledger: Ledger

    init(_ ledger: Ledger) { self.ledger = ledger }

    /// In commit order.
    func overtaken(by search: DependencySearch) throws(BatchError) -> [DependencyEdge] {
        var found: [Int64: DependencyEdge] = [:]
        for dependent in search.dependents {
            let own = try ledger.checkpoints(of: dependent.batch).filter(search.isLive)
            guard let first = own.first?.id else { continue }
            for (table, columns) in try reads(of: dependent.batch, search) {
                for batch in try writers(of: table, columns, after: first, search)
                where !search.isDependent(batch) && found[batch] == nil {
                    found[batch] = DependencyEdge(
                        batch: batch, on: dependent.batch, depth: dependent.depth + 1, kind: .read,
                        evidence: "wrote \(table), which was read before")
                }
            }
        }
        return found.values.sorted { $0.batch < $1.batch }
    }

    /// Columns by table, in lower case.
    private func reads(of batch: Int64, _ search: DependencySearch) throws(BatchError) -> [String: Set<String>] {
        var reads: [String: Set<String>] = [:]
        for relation in try relations(of: batch, .read, search) {
            reads[relation.table, default: []].formUnion(relation.columns.split(separator: ",").map { $0.lowercased() })
        }
        return reads
    }

    private func relations(
        of batch: Int64, _ side: FactSide, _ search: DependencySearch
    ) throws(BatchError) -> [Relation] {
        let sql = """
            SELECT DISTINCT f.relation FROM main.batchmgr_checkpoints c JOIN main.batchmgr_facts f ON f.checkpoint = c.id \
            WHERE c.batch = ? AND f.side = ?
            """
        return try ledger.connection.rows(sql, [.integer(batch), .integer(side.rawValue)])
            .compactMap { $0[0].integer.flatMap { search.relations[$0] } }
    }

    private func writers(
        of table: String, _ columns: Set<String>, after checkpoint: Int64, _ search: DependencySearch
    ) throws(BatchError) -> Set<Int64> {
        guard let rows = search.relations.first(where: { $0.value == .rows(table) })?.key else { return [] }
        let sql = """
            SELECT DISTINCT c.batch, f.side FROM main.batchmgr_facts f CROSS JOIN main.batchmgr_checkpoints c ON c.id = f.checkpoint \
            CROSS JOIN main.batchmgr_batches b ON b.seq = c.batch WHERE f.relation = ? AND f.checkpoint > ? \
            AND f.side IN (0, 1, 2) AND c.undone_by IS NULL AND b.kind <> 'rollback'
            """
        var writers: Set<Int64> = []
        for row in try ledger.connection.rows(sql, [.integer(rows), .integer(checkpoint)]) {
            guard let batch = row[0].integer, let side = row[1].integer.flatMap(FactSide.init) else { continue }
            if side == .changed, try !updates(batch, table, columns, search) { continue }
            writers.insert(batch)
        }
        return writers
    }

    private func updates(
        _ batch: Int64, _ table: String, _ columns: Set<String>, _ search: DependencySearch
    ) throws(BatchError) -> Bool {
        try relations(of: batch, .written, search).contains { relation in
            relation.table == table
                && (relation.columns == "*"
                    || relation.columns.split(separator: ",").contains { columns.contains($0.lowercased()) })
        }
    }
}
