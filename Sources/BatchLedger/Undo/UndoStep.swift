internal import BatchCore

/// The parts of one entry of the undo log. Its first byte is operation and flags; then come
///
/// - the number of the table, when it is another than that of the entry before (`Flag.table`);
/// - for the definition of tables (`schema`): a length and the encoded `SchemaChange`;
/// - the key: for rowid tables the rowid after the change as a difference to the last one of this table in the block,
///   and with `Flag.key` the rowid before it as a difference to the rowid after; for WITHOUT ROWID tables the key
///   values after the change (not for DELETE, whose image holds them) — with `Flag.key` the image holds the old ones;
/// - the image before: for DELETE all stored columns, for UPDATE a bit mask of changed columns and their values;
/// - for INSERT and UPDATE the low half of the hash of the row as it was left.
enum UndoEntry {
    enum Operation: UInt8 {
        case insert = 0
        case update = 1
        case delete = 2
        case schema = 3
    }

    enum Flag {
        static let operations: UInt8 = 3
        static let key: UInt8 = 4
        static let table: UInt8 = 8
    }
}

/// One decoded entry of an undo block; see `UndoEntry` for the form.
struct UndoStep {
    let operation: UndoEntry.Operation
    let table: Int
    /// Rowid after and before the change; equal unless the key changed.
    var rowid: Int64 = 0
    var oldRowid: Int64 = 0
    var keyChanged = false
    /// WITHOUT ROWID: where the key values after the change begin.
    var keyOffset = 0
    /// Where the image begins: the mask for UPDATE, the values for DELETE, the schema change for SCHEMA.
    var imageOffset = 0
    /// Low half of the hash of the row as the change left it; not for DELETE.
    var left: UInt64 = 0
    /// Where the entry ends.
    var end = 0
}

/// Decodes a block. Entries depend on those before them, so a block is read forward and then gone through backward.
struct UndoBlockReader {
    let bytes: UnsafeRawBufferPointer
    let tables: [Int: RecordedTable]

    func steps() throws(BatchError) -> [UndoStep] {
        var reader = ByteReader(bytes)
        var steps: [UndoStep] = []
        var table = -1
        var shape: Shape?
        var lastRowids: [Int: Int64] = [:]
        while !reader.isAtEnd {
            let head = try reader.byte()
            guard let operation = UndoEntry.Operation(rawValue: head & UndoEntry.Flag.operations) else { throw damaged }
            if operation == .schema {
                steps.append(try schemaStep(&reader))
                continue
            }
            if head & UndoEntry.Flag.table != 0 {
                table = Int(truncatingIfNeeded: try reader.varint())
                shape = tables[table].map { Shape($0.layout) }
            }
            guard let shape else { throw damaged }
            var step = UndoStep(operation: operation, table: table)
            step.keyChanged = head & UndoEntry.Flag.key != 0
            try readKey(&step, shape, &reader, &lastRowids[table, default: 0])
            step.imageOffset = reader.position
            try skipImage(operation, shape, &reader)
            if operation != .delete { step.left = try reader.fixed() }
            step.end = reader.position
            steps.append(step)
        }
        return steps
    }

    /// What the decoder must know of a table.
    private struct Shape {
        let columns: Int
        let keyColumns: Int

        init(_ layout: TableLayout) {
            columns = layout.storedColumns.count
            if case .primaryKey(let positions) = layout.key { keyColumns = positions.count } else { keyColumns = 0 }
        }
    }

    private var damaged: BatchError {
        BatchError(
            .corruptRecord, "an undo block cannot be decoded", hint: "see what else is damaged: \(command: "verify")")
    }

    private func schemaStep(_ reader: inout ByteReader) throws(BatchError) -> UndoStep {
        let length = try reader.count()
        var step = UndoStep(operation: .schema, table: -1)
        step.imageOffset = reader.position
        _ = try reader.slice(length)
        step.end = reader.position
        return step
    }

    private func readKey(
        _ step: inout UndoStep, _ shape: Shape, _ reader: inout ByteReader, _ last: inout Int64
    ) throws(BatchError) {
        if shape.keyColumns > 0 {
            step.keyOffset = reader.position
            if step.operation != .delete { try skip(shape.keyColumns, &reader) }
            return
        }
        step.rowid = last &+ (try reader.signed())
        last = step.rowid
        step.oldRowid = step.rowid
        if step.keyChanged { step.oldRowid = step.rowid &+ Int64(bitPattern: try reader.varint()) }
    }

    private func skipImage(_ operation: UndoEntry.Operation, _ shape: Shape, _ reader: inout ByteReader)
        throws(BatchError)
    {
        switch operation {
        case .delete: try skip(shape.columns, &reader)
        case .update:
            var changed = 0
            for byte in try reader.slice((shape.columns + 7) / 8) { changed += byte.nonzeroBitCount }
            try skip(changed, &reader)
        case .insert, .schema: break
        }
    }

    private func skip(_ values: Int, _ reader: inout ByteReader) throws(BatchError) {
        for _ in 0..<values { try reader.skipValue() }
    }
}

extension ByteReader {
    mutating func skipValue() throws(BatchError) {
        switch try byte() {
        case RowCodec.Tag.null: break
        case RowCodec.Tag.integer: _ = try varint()
        case RowCodec.Tag.real: _ = try fixed()
        default: _ = try slice(try count())
        }
    }
}

/// The rows on both sides of an entry.
extension UndoStep {
    /// True when the row, nil for none, is what the change left.
    func left(_ row: [SQLValue]?) -> Bool {
        guard operation != .delete else { return row == nil }
        return row.map { RowCodec.hash($0).low == left } ?? false
    }

    /// True when `left` only says that the row is not what the batch left: see `NetChange.notAsLeft`.
    func hidesLeft(now row: [SQLValue]?) -> Bool {
        left == NetChange.notAsLeft(row.map { RowCodec.hash($0).low } ?? 0)
    }

    /// The row before the change; nil when there was none.
    /// - Parameters:
    ///   - row: as the change left it.
    ///   - columns: how many columns the table stores.
    /// - Throws: `ERR_DATA_CONFLICT` when an updated row is not there: somebody has deleted it since.
    func before(_ row: [SQLValue]?, _ bytes: UnsafeRawBufferPointer, _ columns: Int) throws(BatchError) -> [SQLValue]? {
        switch operation {
        case .insert, .schema: return nil
        case .delete:
            var reader = ByteReader(bytes, at: imageOffset)
            return try reader.values(columns)
        case .update:
            guard var values = row else {
                throw BatchError(
                    .conflict, "a row that the batch updated is gone: it was deleted outside any batch",
                    hint: "see what changed: \(command: "drift show")")
            }
            for (column, value) in try changedColumns(bytes, columns) { values[column] = value }
            return values
        }
    }

    /// Old values of an UPDATE by their place among the stored columns.
    func changedColumns(_ bytes: UnsafeRawBufferPointer, _ columns: Int) throws(BatchError) -> [Int: SQLValue] {
        var reader = ByteReader(bytes, at: imageOffset + (columns + 7) / 8)
        var values: [Int: SQLValue] = [:]
        for column in 0..<columns where bytes[imageOffset + column / 8] & (1 << UInt8(column % 8)) != 0 {
            values[column] = try reader.value()
        }
        return values
    }
}

/// The keys that an entry of the undo log is about.
struct StepKeys {
    let before: RowKey
    let after: RowKey

    init(_ step: UndoStep, _ bytes: UnsafeRawBufferPointer, _ layout: TableLayout) throws(BatchError) {
        guard case .primaryKey(let positions) = layout.key else {
            before = .rowid(step.oldRowid)
            after = .rowid(step.rowid)
            return
        }
        let stored = layout.storedColumns
        let places = positions.compactMap { stored.firstIndex(of: $0) }
        if step.operation == .delete {
            var reader = ByteReader(bytes, at: step.imageOffset)
            let values = try reader.values(stored.count)
            after = .values(places.map { values[$0] })
            before = after
            return
        }
        var reader = ByteReader(bytes, at: step.keyOffset)
        let now = try reader.values(positions.count)
        after = .values(now)
        guard step.keyChanged else {
            before = after
            return
        }
        let old = try step.changedColumns(bytes, stored.count)
        before = .values(places.enumerated().map { old[$1] ?? now[$0] })
    }
}
