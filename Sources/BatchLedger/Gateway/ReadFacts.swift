internal import BatchCore

/// Gathers what the statements of a checkpoint read and update, and tells which facts of it are new to the ledger.
///
/// Reading does not change from chunk to chunk: one fact for each run of a batch is enough, and costs nothing after the
/// first checkpoint.
struct ReadFacts {
    private var reads = ReadColumns()
    private var updated: [String: Set<String>] = [:]
    /// Statements that were noted; they are held, so that no other one takes their place.
    private var noted: [ObjectIdentifier: ReadColumns] = [:]
    /// What the ledger has of this batch already.
    private var batch: Int64 = 0
    private var known: Set<Relation> = []
    private var knownWritten: Set<Relation> = []

    /// Begins a checkpoint.
    mutating func begin() {
        reads = ReadColumns()
        updated = [:]
        noted = [:]
    }

    /// Forgets what a transaction that was thrown away had written.
    mutating func forget() {
        known = []
        knownWritten = []
    }

    mutating func note(_ effects: StatementEffects) {
        guard note(effects.reads) else { return }
        updated.merge(effects.updatedColumns) { $0.union($1) }
    }

    /// Notes what a statement reads, where nothing is known of the columns that it sets.
    /// - Returns: false when it was noted before.
    @discardableResult
    mutating func note(_ columns: ReadColumns) -> Bool {
        guard noted.updateValue(columns, forKey: ObjectIdentifier(columns)) == nil else { return false }
        reads.formUnion(columns)
        return true
    }

    /// Writes the facts that the ledger lacks.
    mutating func write(
        _ ledger: Ledger, _ sink: ChangeSink, _ schema: SchemaReader, batch: Int64, checkpoint: Int64
    ) throws(BatchError) {
        if batch != self.batch {
            self.batch = batch
            forget()
        }
        var everything = KeyRuns()
        everything.insert(0)
        for relation in try readRelations(sink, schema, ledger) where known.insert(relation).inserted {
            try ledger.write(relation, .read, everything, checkpoint)
        }
        for relation in writtenRelations(sink) where knownWritten.insert(relation).inserted {
            try ledger.write(relation, .written, everything, checkpoint)
        }
    }

    // MARK: Parts

    private func readRelations(
        _ sink: ChangeSink, _ schema: SchemaReader, _ ledger: Ledger
    ) throws(BatchError) -> [Relation] {
        var columns = reads.columns
        for source in reads.sources where columns[source] == nil { columns[source] = [] }
        for table in try probed(sink, schema, ledger) {
            guard let layout = try layout(table, sink, schema) else { continue }
            columns[layout.name, default: []].formUnion(ReadFacts.uniqueColumns(of: layout))
            // And the index itself, by its name, as a view or trigger: without it the row would have been written.
            for index in layout.uniqueIndexes where !index.name.hasPrefix("sqlite_") {
                columns[index.name, default: []] = []
            }
        }
        return columns.map { Relation.columns($0.key, $0.value) }
    }

    /// Tables with rows whose fate a unique key may have decided.
    private func probed(
        _ sink: ChangeSink, _ schema: SchemaReader, _ ledger: Ledger
    ) throws(BatchError) -> Set<String> {
        var probed = reads.probed
        for source in reads.sources where probed.count < reads.written.count {
            let text = try ledger.connection.value(
                "SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND name = ?", [.string(source)])?.string
            if let text, SQLText.resolvesConflicts(text) { probed.formUnion(reads.written) }
        }
        for track in sink.tables where SQLText.resolvesConflicts(track.layout.sql) {
            probed.insert(track.layout.name)
        }
        // A row that the clause of a table kept out has left no trace.
        let tracked = Set(sink.tables.map { SQLName.folded($0.layout.name) })
        for table in reads.written.subtracting(probed) where !tracked.contains(SQLName.folded(table)) {
            // Its text tells of a clause; the rest of the layout takes ten times as long to read.
            guard let text = try schema.text(ofTable: table), SQLText.resolvesConflicts(text) else { continue }
            if let layout = try schema.layout(named: table) { probed.insert(layout.name) }
        }
        return probed
    }

    private func layout(_ table: String, _ sink: ChangeSink, _ schema: SchemaReader) throws(BatchError)
        -> TableLayout?
    {
        if let track = sink.tables.first(where: { $0.layout.name == table }) { return track.layout }
        return try schema.layout(named: table)
    }

    private static func uniqueColumns(of layout: TableLayout) -> Set<String> {
        var names = Set(layout.uniqueIndexes.flatMap(\.columns).compactMap { $0.map { layout.columns[$0].name } })
        if let key = layout.integerPrimaryKey { names.insert(layout.columns[key].name) }
        if case .primaryKey(let positions) = layout.key { names.formUnion(positions.map { layout.columns[$0].name }) }
        return names
    }

    private func writtenRelations(_ sink: ChangeSink) -> [Relation] {
        var relations: [Relation] = []
        for track in sink.tables where track.isTouched {
            switch track.layout.role {
            case .system: continue
            case .shadow(let owner): relations.append(.columns(owner, nil))
            case .ordinary:
                guard !track.changed.isEmpty else { continue }
                guard var names = updated[track.layout.name.lowercased()] else {
                    relations.append(.columns(track.layout.name, nil))
                    continue
                }
                // They may follow from what was written.
                names.formUnion(track.layout.columns.filter { $0.generated != .no }.map { $0.name.lowercased() })
                relations.append(.columns(track.layout.name, names))
            }
        }
        return relations
    }
}
