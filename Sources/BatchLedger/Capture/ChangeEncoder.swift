internal import BatchCore

/// Works recorded changes into entries of the undo log, facts for dependencies, and digests.
final class ChangeEncoder {
    let log: UndoLogWriter
    /// Behind a pointer: Swift checks every access to a variable of a class, and these are written for every value.
    private let rows = UnsafeMutablePointer<RowImages>.allocate(capacity: 1)
    /// Holds the long values of the chunk at hand.
    private var kept: KeptFile?

    init(spillFolder: String) {
        log = UndoLogWriter(spillFolder: spillFolder)
        rows.initialize(to: RowImages())
    }

    deinit {
        rows.deinitialize(count: 1)
        rows.deallocate()
    }

    /// Writes all changes of a chunk, in their order.
    func write(_ chunk: ChangeChunk) throws(BatchError) {
        let bytes = chunk.bytes
        kept = chunk.kept
        defer {
            kept = nil
            withExtendedLifetime(bytes) {}
            rows.pointee.release()
        }
        var reader = ByteReader(bytes.bytes)
        var table: CapturedTable?
        while !reader.isAtEnd {
            let kind = try reader.byte()
            if kind == ChangeChunk.Kind.schema {
                try writeSchema(&reader, chunk)
                continue
            }
            let number = Int(try reader.varint())
            let oldRowid = Int64(bitPattern: try reader.fixed())
            let newRowid = Int64(bitPattern: try reader.fixed())
            if table?.number != number { table = chunk.tables[number] }
            guard let table else { return }
            switch kind & ChangeChunk.Kind.operations {
            case ChangeChunk.Kind.insert:
                try readImage(&reader, table, into: &rows.pointee.new)
                try writeInsert(table, newRowid)
            case ChangeChunk.Kind.delete:
                try readImage(&reader, table, into: &rows.pointee.old)
                try writeDelete(table, oldRowid)
            default:
                try readImage(&reader, table, into: &rows.pointee.old)
                try readNew(&reader, table, isWhole: kind & ChangeChunk.Kind.whole != 0)
                try writeUpdate(table, oldRowid, newRowid, touchesKeys: kind & ChangeChunk.Kind.keys != 0)
            }
        }
    }

    @inline(__always)
    private func readImage(
        _ reader: inout ByteReader, _ table: CapturedTable, into row: inout RowBuffer
    ) throws(BatchError) {
        let image = try reader.slice(try reader.count())
        row.begin(columns: table.columns.count)
        if let base = image.baseAddress { row.buffer.append(base, count: image.count) }
        row.markAll(table.columns.count)
    }

    /// Columns that the statement could not set are as they were.
    private func readNew(_ reader: inout ByteReader, _ table: CapturedTable, isWhole: Bool) throws(BatchError) {
        if isWhole { return try readImage(&reader, table, into: &rows.pointee.new) }
        let columns = table.columns.count
        rows.pointee.new.begin(columns: columns)
        var positions = reader
        let count = Int(try reader.varint())
        for _ in 0..<count { _ = try reader.varint() }
        let image = try reader.slice(try reader.count())
        _ = try positions.varint()
        var next = 0
        var place = 0
        for _ in 0..<count {
            let position = Int(try positions.varint())
            rows.pointee.copyColumns(next..<position)
            next = position + 1
            guard let base = image.baseAddress else { continue }
            let end = RowCodec.end(of: base, at: place)
            rows.pointee.new.mark(position)
            rows.pointee.new.buffer.append(base + place, count: end - place)
            place = end
        }
        rows.pointee.copyColumns(next..<columns)
        rows.pointee.new.mark(columns)
    }

    // MARK: Entries

    @inline(__always)
    private func digest(_ row: RowBuffer) throws(BatchError) -> Digest {
        guard let kept else { return row.buffer.digest() }
        return try kept.digest(of: row.buffer.bytes)
    }

    @inline(__always)
    private func append(_ image: UnsafeRawBufferPointer) throws(BatchError) {
        if let kept { try log.append(image, kept) } else { log.append(image) }
    }

    private func writeSchema(_ reader: inout ByteReader, _ chunk: ChangeChunk) throws(BatchError) {
        for _ in 0..<(try reader.count()) {
            let table = chunk.tables[Int(try reader.varint())]
            let digest = Digest(high: try reader.fixed(), low: try reader.fixed())
            table.digest += TableDigest(digest: digest, rows: try reader.signed())
        }
        let change = try reader.slice(try reader.count())
        log.append(UndoEntry.Operation.schema.rawValue)
        log.appendVarint(UInt64(change.count))
        log.append(change)
        try log.end()
    }

    private func writeInsert(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        table.policy?.noteInsert(rows) { key(table, rowid, rows.pointee.new) }
        if let watched = table.watched { for seen in watched { seen?.note(rows.pointee.new) } }
        let left = try digest(rows.pointee.new)
        table.digest += TableDigest(digest: left, rows: 1)
        noteKeys(table, in: rows.pointee.new, side: .added)
        log.begin(.insert, flags: 0, table: table)
        if table.isWithoutRowID {
            table.added.insert(keyHash(table, rows.pointee.new))
            appendKey(table, rows.pointee.new)
        } else {
            table.added.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: table)
        }
        log.appendFixed(left.low)
        try log.end()
    }

    private func writeDelete(_ table: CapturedTable, _ rowid: Int64) throws(BatchError) {
        table.policy?.noteDelete(rows) { key(table, rowid, rows.pointee.old) }
        if let watched = table.watched { for seen in watched { seen?.note(rows.pointee.old) } }
        table.digest -= TableDigest(digest: try digest(rows.pointee.old), rows: 1)
        noteKeys(table, in: rows.pointee.old, side: .removed)
        log.begin(.delete, flags: 0, table: table)
        if table.isWithoutRowID {
            table.removed.insert(keyHash(table, rows.pointee.old))
        } else {
            table.removed.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: table)
        }
        try append(rows.pointee.old.buffer.bytes)
        try log.end()
    }

    private func writeUpdate(
        _ table: CapturedTable, _ oldRowid: Int64, _ newRowid: Int64, touchesKeys: Bool
    ) throws(BatchError) {
        table.policy?.noteUpdate(rows) { key(table, oldRowid, rows.pointee.old) }
        if let watched = table.watched { for seen in watched { seen?.noteUpdate(rows) } }
        let before = try digest(rows.pointee.old)
        let left = try digest(rows.pointee.new)
        let keyChanged = table.isWithoutRowID ? !hasSameKey(table) : oldRowid != newRowid
        if before == left && !keyChanged {
            table.confirmed.insert(
                table.isWithoutRowID ? keyHash(table, rows.pointee.new) : RowKey.rowid(newRowid).order)
            return
        }
        table.digest -= TableDigest(digest: before, rows: 0)
        table.digest += TableDigest(digest: left, rows: 0)
        if touchesKeys { noteChangedKeys(table) }
        log.begin(.update, flags: keyChanged ? UndoEntry.Flag.key : 0, table: table)
        if table.isWithoutRowID {
            noteRowKeys(table, keyHash(table, rows.pointee.old), keyHash(table, rows.pointee.new), keyChanged)
            appendKey(table, rows.pointee.new)
        } else {
            noteRowKeys(
                table, UInt64(bitPattern: oldRowid) ^ (1 << 63), UInt64(bitPattern: newRowid) ^ (1 << 63), keyChanged)
            log.appendRowid(newRowid, of: table)
            if keyChanged { log.appendVarint(UInt64(bitPattern: oldRowid &- newRowid)) }
        }
        try appendChangedColumns(table)
        log.appendFixed(left.low)
        try log.end()
    }

    private func appendChangedColumns(_ table: CapturedTable) throws(BatchError) {
        let columns = table.columns.count
        for first in stride(from: 0, to: columns, by: 8) {
            var mask: UInt8 = 0
            for column in first..<min(first + 8, columns) where !rows.pointee.isEqual(column) {
                mask |= 1 << UInt8(column - first)
            }
            log.append(mask)
        }
        for column in 0..<columns where !rows.pointee.isEqual(column) {
            try append(rows.pointee.old.column(column))
        }
    }

    // MARK: The keys that a change touches: what batches depend on each other by

    @inline(__always)
    private func noteRowKeys(_ table: CapturedTable, _ before: UInt64, _ after: UInt64, _ keyChanged: Bool) {
        if keyChanged {
            table.removed.insert(before)
            table.added.insert(after)
        } else {
            table.changed.insert(after)
        }
    }

    private func hasSameKey(_ table: CapturedTable) -> Bool {
        table.keyColumns.allSatisfy { rows.pointee.isEqual($0) }
    }

    private func keyHash(_ table: CapturedTable, _ row: RowBuffer) -> UInt64 {
        rows.pointee.scratch.removeAll()
        for column in table.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { rows.pointee.scratch.append(base, count: value.count) }
        }
        return rows.pointee.scratch.hash64()
    }

    private func appendKey(_ table: CapturedTable, _ row: RowBuffer) {
        for column in table.keyColumns { log.append(row.column(column)) }
    }

    /// For messages; nil when it cannot be told.
    private func key(_ table: CapturedTable, _ rowid: Int64, _ row: RowBuffer) -> RowKey? {
        guard table.isWithoutRowID else { return .rowid(rowid) }
        var buffer = ByteBuffer()
        for column in table.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { buffer.append(base, count: value.count) }
        }
        return (try? buffer.values(table.keyColumns.count)).map(RowKey.values)
    }

    @inline(__always)
    private func noteKeys(_ table: CapturedTable, in row: RowBuffer, side: FactSide) {
        let isAfter = side == .added
        table.computed?.begin()
        for index in table.uniqueKeys.indices {
            guard let key = uniqueKey(index, of: table, row, isAfter: isAfter) else { continue }
            if isAfter {
                table.uniqueKeys[index].taken.insert(key)
            } else {
                table.uniqueKeys[index].freed.insert(key)
            }
        }
        for index in table.references.indices {
            guard let key = reference(index, of: table, row, isAfter: isAfter) else { continue }
            if isAfter {
                table.references[index].referenced.insert(key)
            } else {
                table.references[index].released.insert(key)
            }
        }
    }

    private func noteChangedKeys(_ table: CapturedTable) {
        table.computed?.begin()
        for index in table.uniqueKeys.indices {
            let isComputed = table.uniqueKeys[index].isComputed
            if !isComputed, table.uniqueKeys[index].columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            let before = uniqueKey(index, of: table, rows.pointee.old, isAfter: false)
            let after = uniqueKey(index, of: table, rows.pointee.new, isAfter: true)
            if isComputed && before == after { continue }
            if let before { table.uniqueKeys[index].freed.insert(before) }
            if let after { table.uniqueKeys[index].taken.insert(after) }
        }
        for index in table.references.indices {
            let columns = table.references[index].columns
            if let columns, columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            let before = reference(index, of: table, rows.pointee.old, isAfter: false)
            let after = reference(index, of: table, rows.pointee.new, isAfter: true)
            if columns == nil && before == after { continue }
            if let before { table.references[index].released.insert(before) }
            if let after { table.references[index].referenced.insert(after) }
        }
    }

    private func uniqueKey(_ index: Int, of table: CapturedTable, _ row: RowBuffer, isAfter: Bool) -> UInt64? {
        table.uniqueKeys[index].key(of: row, isAfter: isAfter, table.computed, &rows.pointee.scratch)
    }

    private func reference(_ index: Int, of table: CapturedTable, _ row: RowBuffer, isAfter: Bool) -> UInt64? {
        table.references[index].key(of: row, isAfter: isAfter, table.computed, &rows.pointee.scratch)
    }
}
