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
        /// Nobody looks at the bytes of its values but the undo log.
        fileprivate(set) var mayBeKept = false

        /// - Parameter kept: takes long values; nil to copy them too.
        /// - Returns: false for NULL.
        @inline(__always)
        func append(
            _ value: OpaquePointer, isUTF16: Bool, to buffer: inout ByteBuffer, keeping kept: KeptValues? = nil
        ) -> Bool {
            switch sqlite3_value_type(value) {
            case SQLITE_INTEGER:
                let number = sqlite3_value_int64(value)
                // Whole numbers of a REAL column are stored as integers to save space, and SELECT returns them as
                // reals.
                if affinity == .real { buffer.appendReal(Double(number)) } else { buffer.appendInteger(number) }
            case SQLITE_FLOAT: buffer.appendReal(sqlite3_value_double(value))
            case SQLITE_TEXT where isUTF16:
                let start = sqlite3_value_text16(value)
                append(RowCodec.Tag.text16, start, Int(sqlite3_value_bytes16(value)), to: &buffer, kept)
            case SQLITE_TEXT:
                // Not sqlite3_value_text: it would copy the text to put a NUL after it.
                let start = sqlite3_value_blob(value)
                append(RowCodec.Tag.text, start, Int(sqlite3_value_bytes(value)), to: &buffer, kept)
            case SQLITE_BLOB:
                let start = sqlite3_value_blob(value)
                append(RowCodec.Tag.blob, start, Int(sqlite3_value_bytes(value)), to: &buffer, kept)
            default:
                buffer.append(RowCodec.Tag.null)
                return false
            }
            return true
        }

        @inline(__always)
        private func append(
            _ tag: UInt8, _ start: UnsafeRawPointer?, _ length: Int, to buffer: inout ByteBuffer, _ kept: KeptValues?
        ) {
            if length >= KeptValues.long, mayBeKept, let kept,
                kept.keep(tag, UnsafeRawBufferPointer(start: start, count: length), in: &buffer)
            {
                return
            }
            buffer.appendBytes(tag, start, length)
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
    /// SQLite 3.40 mixes up column numbers when a virtual generated column stands before a stored one, or when the key of a
    /// WITHOUT ROWID table does: such rows are read with SELECT instead.
    let isIndirect: Bool

    var added = KeyRuns()
    var changed = KeyRuns()
    var removed = KeyRuns()
    var confirmed = KeyRuns()
    var uniqueKeys: [UniqueKey]
    var references: [Reference]
    /// For keys that the stored columns do not show; nil when they show all.
    var computed: ComputedKeys?
    /// Sum over the changes: state after minus state before.
    var digest = TableDigest()
    /// Last rowid written to the current block: keys are stored as differences.
    var lastRowid: Int64 = 0
    var isTouched = false
    /// What the policy of the batch asks of the changes; nil when it asks for nothing.
    var policy: TablePolicy?
    /// Of each watch what it saw here; nil where nobody watches.
    var watched: [KeyWatch.Rows?]?
    /// Columns that the running statement may set.
    var settable: SettablePositions

    init(
        layout: TableLayout, visible: TableLayout, number: Int, uniqueKeys: [UniqueKey],
        references: [Reference], shape: Shape? = nil
    ) {
        self.layout = layout
        self.visible = visible
        self.number = number
        self.uniqueKeys = uniqueKeys
        self.references = references
        let shape = shape ?? Shape(layout)
        columns = .allocate(capacity: shape.columns.count)
        _ = columns.initialize(from: shape.columns)
        settable = SettablePositions(columns: shape.columns.count)
        canBeRead = visible.isWithoutRowID || visible.rowidName != nil
        isIndirect = shape.isIndirect
        keyColumns = shape.keyColumns
    }

    /// What the layout says of the columns. To work it out costs as much as a batch of one row.
    struct Shape {
        fileprivate let columns: [StoredColumn]
        fileprivate let keyColumns: [Int]
        fileprivate let isIndirect: Bool

        init(_ layout: TableLayout) {
            let stored = layout.storedColumns
            columns = stored.map { column in
                StoredColumn(
                    index: Int32(column), affinity: layout.columns[column].affinity,
                    hasDefault: layout.columns[column].hasDefault, isRowid: layout.integerPrimaryKey == column)
            }
            isIndirect = CapturedTable.isIndirect(layout)
            if case .primaryKey(let positions) = layout.key {
                keyColumns = positions.compactMap { stored.firstIndex(of: $0) }
            } else {
                keyColumns = []
            }
        }
    }

    convenience init(_ capture: TableCapture, number: Int) {
        self.init(
            layout: capture.layout, visible: capture.layout, number: number, uniqueKeys: capture.uniqueKeys,
            references: capture.references, shape: capture.shape)
        self.capture = capture
    }

    /// What another batch may begin with; nil for a table that is seen under other names, or whose keys are computed.
    var capture: TableCapture?

    /// Lets long values be kept aside, in columns that are read for nothing but the undo log and the digest.
    func keepLongValues() {
        guard computed == nil, watched == nil, visible.key != .rowid(alias: nil) else { return }
        var read = Set(keyColumns)
        if let owner = policy?.owner { read.insert(owner) }
        for key in uniqueKeys { read.formUnion(key.columns) }
        for reference in references { read.formUnion(reference.columns ?? []) }
        for position in columns.indices where !read.contains(position) { columns[position].mayBeKept = true }
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

    /// The highest rowid that a row got; nil where none did, or rows have none.
    var highestAdded: Int64? {
        if isWithoutRowID { return nil }
        return added.runs.map(\.high).max().map { Int64(bitPattern: $0 ^ (1 << 63)) }
    }

    var isWithoutRowID: Bool { !keyColumns.isEmpty }

    /// Of `keyColumns`; those of the application's own are taken for BINARY here.
    private(set) lazy var keyCollations = layout.keyCollations.map { $0 ?? .binary }

    private static func isIndirect(_ layout: TableLayout) -> Bool {
        if takesNumbersForReals(layout) { return true }
        guard let virtual = layout.columns.firstIndex(where: { $0.generated == .virtual }) else { return false }
        return layout.columns[virtual...].contains { $0.generated != .virtual }
    }

    /// The rows of a WITHOUT ROWID table are stored with the key first. `sqlite3_preupdate_old` of SQLite 3.40 finds a value
    /// there, and then takes the affinity of the column of the table that has the place of the value: a whole number is
    /// reported as a real when that one is REAL.
    private static func takesNumbersForReals(_ layout: TableLayout) -> Bool {
        guard case .primaryKey(let positions) = layout.key else { return false }
        let others = layout.storedColumns.filter { !positions.contains($0) }
        return (positions + others).enumerated().contains { place, column in
            place != column && layout.columns[place].affinity == .real
                && ![.real, .text].contains(layout.columns[column].affinity)
        }
    }

    /// A foreign key of a table, as capture follows it.
    struct Reference {
        let relation: Relation
        /// Positions among the stored columns of the child; nil when a column is generated.
        let columns: [Int]?
        /// Of the parent's columns. Nil when the parent's key is its rowid: then the value itself is the key.
        let collations: [KeyHash.Collation]?
        /// How the parent's column turns the child's value before it compares; nil where both have the same affinity.
        let conversions: [Column.Affinity?]
        /// The computed terms that hold the converted values; nil where no value is ever converted.
        let computed: [Int]?
        var referenced = KeyRuns()
        var released = KeyRuns()
    }

    /// A unique key of a table, as capture follows it.
    struct UniqueKey {
        let relation: Relation
        /// Positions among the stored columns, or among the computed terms.
        let columns: [Int]
        let collations: [KeyHash.Collation]
        let isComputed: Bool
        /// The computed term that tells whether a partial index covers the row.
        let condition: Int?
        var taken = KeyRuns()
        var freed = KeyRuns()
    }
}

/// How a table is captured, before anything has changed in it.
final class TableCapture {
    let layout: TableLayout
    let uniqueKeys: [CapturedTable.UniqueKey]
    let references: [CapturedTable.Reference]
    fileprivate let shape: CapturedTable.Shape
    /// As the ledger keeps it.
    private(set) lazy var recorded = RecordedLayout(layout)

    init(layout: TableLayout, uniqueKeys: [CapturedTable.UniqueKey], references: [CapturedTable.Reference]) {
        self.layout = layout
        self.uniqueKeys = uniqueKeys
        self.references = references
        shape = CapturedTable.Shape(layout)
    }
}
