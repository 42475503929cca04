internal import BatchCore
internal import CSQLite

/// What is known and gathered about one table during a checkpoint.
final class CapturedTable {
    struct StoredColumn {
        /// The index by which the preupdate functions name the column.
        let index: Int32
        let affinity: Column.Affinity
        let hasDefault: Bool
        let isRowid: Bool

        /// False for NULL.
        @inline(__always)
        func append(_ value: OpaquePointer, isUTF16: Bool, to buffer: inout ByteBuffer) -> Bool {
            switch sqlite3_value_type(value) {
            case SQLITE_INTEGER:
                let number = sqlite3_value_int64(value)
                // Whole numbers of a REAL column are stored as integers to save space, and SELECT returns them as reals.
                if affinity == .real { buffer.appendReal(Double(number)) } else { buffer.appendInteger(number) }
            case SQLITE_FLOAT: buffer.appendReal(sqlite3_value_double(value))
            case SQLITE_TEXT where isUTF16:
                let start = sqlite3_value_text16(value)
                buffer.appendBytes(RowCodec.Tag.text16, start, Int(sqlite3_value_bytes16(value)))
            case SQLITE_TEXT:
                // Not sqlite3_value_text: it would copy the text to put a NUL behind it.
                let start = sqlite3_value_blob(value)
                buffer.appendBytes(RowCodec.Tag.text, start, Int(sqlite3_value_bytes(value)))
            case SQLITE_BLOB:
                let start = sqlite3_value_blob(value)
                buffer.appendBytes(RowCodec.Tag.blob, start, Int(sqlite3_value_bytes(value)))
            default:
                buffer.append(RowCodec.Tag.null)
                return false
            }
            return true
        }
    }

    let layout: TableLayout
    /// The same table by the names that SQL knows now.
    let visible: TableLayout
    /// The number that entries of the undo log give for the table.
    let number: Int
    let columns: UnsafeMutableBufferPointer<StoredColumn>
    /// Positions among the stored columns of a WITHOUT ROWID key; empty for rowid tables.
    let keyColumns: [Int]
    /// SQLite 3.40 mixes up column numbers when a virtual generated column stands before a stored one: such rows are
    /// read with SELECT instead.
    let isIndirect: Bool

    var added = KeyRuns()
    var changed = KeyRuns()
    var removed = KeyRuns()
    var confirmed = KeyRuns()
    var uniqueKeys: [CapturedUniqueKey]
    var references: [CapturedReference]
    /// Sum over the changes: state after minus state before.
    var digest = TableDigest()
    /// Last rowid written to the current block: keys are stored as differences.
    var lastRowid: Int64 = 0
    var isTouched = false
    /// What the policy of the batch asks of the changes; nil when it asks for nothing.
    var policy: TablePolicy?
    /// Columns that the running statement may set.
    var settable: SettablePositions

    init(
        layout: TableLayout, visible: TableLayout, number: Int, uniqueKeys: [CapturedUniqueKey],
        references: [CapturedReference]
    ) {
        self.layout = layout
        self.visible = visible
        self.number = number
        self.uniqueKeys = uniqueKeys
        self.references = references
        let stored = layout.storedColumns
        columns = .allocate(capacity: stored.count)
        settable = SettablePositions(columns: stored.count)
        for (position, column) in stored.enumerated() {
            columns.initializeElement(
                at: position,
                to: StoredColumn(
                    index: Int32(column), affinity: layout.columns[column].affinity,
                    hasDefault: layout.columns[column].hasDefault, isRowid: layout.integerPrimaryKey == column))
        }
        canBeRead = visible.isWithoutRowID || visible.rowidName != nil
        isIndirect = CapturedTable.isIndirect(layout)
        if case .primaryKey(let positions) = layout.key {
            keyColumns = positions.compactMap { stored.firstIndex(of: $0) }
        } else {
            keyColumns = []
        }
    }

    /// True when SQL can name the rows.
    let canBeRead: Bool

    /// Shadow tables belong to their module and system tables to SQLite: no batch depends on another by them. But the
    /// ids of full-text content and of document sizes are the rows of the virtual table.
    var factName: String? {
        switch layout.role {
        case .ordinary: return layout.name
        case .system: return nil
        case .shadow(let owner):
            let suffix = layout.name.dropFirst(owner.count)
            return suffix == "_content" || suffix == "_docsize" ? owner : nil
        }
    }

    deinit {
        columns.deallocate()
        settable.deallocate()
    }

    var isWithoutRowID: Bool { !keyColumns.isEmpty }

    private static func isIndirect(_ layout: TableLayout) -> Bool {
        guard let virtual = layout.columns.firstIndex(where: { $0.generated == .virtual }) else { return false }
        return layout.columns[virtual...].contains { $0.generated != .virtual }
    }
}

/// A unique key of a table, as capture follows it.
struct CapturedUniqueKey {
    let relation: Relation
    /// Positions among the stored columns.
    let columns: [Int]
    let collations: [KeyHash.Collation]
    var taken = KeyRuns()
    var freed = KeyRuns()
}

/// A foreign key of a table, as capture follows it.
struct CapturedReference {
    let relation: Relation
    /// Positions among the stored columns of the child.
    let columns: [Int]
    /// Of the parent's columns. Nil when the parent's key is its rowid: then the value itself is the key.
    let collations: [KeyHash.Collation]?
    /// How the parent's column turns the child's value before it compares; nil where both have the same affinity.
    let conversions: [Column.Affinity?]
    var referenced = KeyRuns()
    var released = KeyRuns()
}

/// Prepares the capture of a table: which unique keys and references to follow.
struct CapturedTableBuilder {
    let schema: SchemaReader

    func table(_ layout: TableLayout, visible: TableLayout, number: Int) throws(BatchError) -> CapturedTable {
        let stored = layout.storedColumns
        // A module decides about its shadow tables; they never make one batch depend on another by their rows.
        guard layout.role == .ordinary else {
            return CapturedTable(layout: layout, visible: visible, number: number, uniqueKeys: [], references: [])
        }
        let uniqueKeys = layout.uniqueIndexes.compactMap { index -> CapturedUniqueKey? in
            let columns = index.columns.compactMap { $0.flatMap(stored.firstIndex(of:)) }
            let collations = index.collations.compactMap(KeyHash.Collation.init)
            guard index.isComputable, columns.count == index.columns.count else { return nil }
            return CapturedUniqueKey(
                relation: relation(layout, index), columns: columns, collations: collations)
        }
        return CapturedTable(
            layout: layout, visible: visible, number: number, uniqueKeys: uniqueKeys,
            references: try references(layout, stored).map(\.reference))
    }

    private func relation(_ layout: TableLayout, _ index: UniqueIndex) -> Relation {
        let names = index.columns.compactMap { $0.map { layout.columns[$0].name.lowercased() } }
        return Relation(kind: .unique, table: layout.name, columns: names.joined(separator: ","))
    }

    /// The foreign keys of a table whose keys can be followed.
    func references(_ layout: TableLayout, _ stored: [Int]) throws(BatchError) -> [(
        key: ForeignKey, parent: TableLayout, reference: CapturedReference
    )] {
        var references: [(key: ForeignKey, parent: TableLayout, reference: CapturedReference)] = []
        for key in layout.foreignKeys {
            let columns = key.columns.compactMap(stored.firstIndex(of:))
            guard columns.count == key.columns.count, let parent = try schema.layout(named: key.parent) else {
                continue
            }
            let affinities = key.columns.map { layout.columns[$0].affinity }
            if let reference = reference(key, to: parent, columns: columns, affinities) {
                references.append((key, parent, reference))
            }
        }
        return references
    }

    private func reference(_ key: ForeignKey, to parent: TableLayout, columns: [Int], _ affinities: [Column.Affinity])
        -> CapturedReference?
    {
        let names = key.parentColumns.map { $0.lowercased() }
        if columns.count == 1, let position = parent.integerPrimaryKey,
            names.isEmpty || names == [parent.columns[position].name.lowercased()]
        {
            return CapturedReference(
                relation: .rows(parent.name), columns: columns, collations: nil,
                conversions: [affinities[0] == .numeric ? nil : .numeric])
        }
        for index in parent.uniqueIndexes where index.isComputable && !index.isPartial {
            let parents = index.columns.compactMap { $0.map { parent.columns[$0].name.lowercased() } }
            guard names.isEmpty ? index.isPrimaryKey : Set(names) == Set(parents) && names.count == parents.count
            else { continue }
            // Hash in the order of the parent's index, whatever order the foreign key is written in.
            let order = names.isEmpty ? Array(columns.indices) : parents.compactMap(names.firstIndex(of:))
            guard order.count == columns.count else { continue }
            return CapturedReference(
                relation: relation(parent, index), columns: order.map { columns[$0] },
                collations: index.collations.compactMap(KeyHash.Collation.init),
                conversions: zip(order, index.columns).map { child, column in
                    let affinity = column.map { parent.columns[$0].affinity }
                    return affinity == affinities[child] ? nil : affinity
                })
        }
        return nil
    }
}
