internal import BatchCore

/// What the recorder knows and gathers about one table during a checkpoint.
final class TableTrack {
    struct StoredColumn {
        /// The index by which the preupdate functions name the column.
        let index: Int32
        let affinity: Column.Affinity
        let hasDefault: Bool
        let isRowid: Bool
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
    var uniqueKeys: [UniqueTrack]
    var references: [ReferenceTrack]
    /// Sum over the changes: state after minus state before.
    var digest = TableDigest()
    /// Last rowid written to the current block: keys are stored as differences.
    var lastRowid: Int64 = 0
    var isTouched = false
    /// What the policy of the batch asks of the changes; nil when it asks for nothing.
    var watch: PolicyWatch?
    /// Columns that the running statement may set.
    var settable: SettablePositions

    init(
        layout: TableLayout, visible: TableLayout, number: Int, uniqueKeys: [UniqueTrack], references: [ReferenceTrack]
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
        isIndirect = TableTrack.isIndirect(layout)
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

/// A unique key of a table, as the recorder follows it.
struct UniqueTrack {
    let relation: Relation
    /// Positions among the stored columns.
    let columns: [Int]
    let collations: [KeyHash.Collation]
    var taken = KeyRuns()
    var freed = KeyRuns()
}

/// A foreign key of a table, as the recorder follows it.
struct ReferenceTrack {
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
