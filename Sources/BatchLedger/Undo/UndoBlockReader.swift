internal import BatchCore

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
        BatchError(.corruptRecord, "an undo block cannot be decoded", hint: "see what else is damaged: batchmgr verify")
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
