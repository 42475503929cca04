internal import BatchCore
internal import CSQLite
internal import Glibc

/// A change whose new values are not known yet.
struct PendingRow {
    let track: TableTrack
    let operation: UndoEntry.Operation
    let oldRowid: Int64
    let newRowid: Int64
    /// The key by which the row is found once it has changed.
    let key: [SQLValue]
}

/// Rows that must be read with SELECT, because the hook does not hand them over as they are stored.
extension Recorder {
    func oldKey(_ track: TableTrack, _ rowid: Int64) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = track.layout.key else { return [.integer(rowid)] }
        var buffer = ByteBuffer()
        for position in positions {
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(connection.handle, Int32(position), &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            let column = TableTrack.StoredColumn(
                index: 0, affinity: track.layout.columns[position].affinity, hasDefault: false, isRowid: false)
            _ = append(value, column, to: &buffer)
        }
        return try buffer.values(positions.count)
    }

    /// FTS5 writes into its structure record with sqlite3_blob_write, which the hook reports as a deletion.
    func recordBlobWrite(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        counts.updated += 1
        try readOld(track, rowid)
        checkOld()
        pending = PendingRow(
            track: track, operation: .update, oldRowid: rowid, newRowid: rowid, key: [.integer(rowid)])
    }

    /// The key behind the change, of a table whose other columns cannot be told apart yet.
    private func newKey(_ track: TableTrack, _ operation: UndoEntry.Operation) throws(BatchError) -> [SQLValue] {
        guard case .primaryKey(let positions) = track.layout.key else { return [] }
        let byStorage = operation == .update && PreupdateNumbering.updatesByStorage
        var buffer = ByteBuffer()
        for position in positions {
            let virtual = track.layout.columns[..<position].count { $0.generated == .virtual }
            var value: OpaquePointer?
            let index = Int32(byStorage ? position - virtual : position)
            guard sqlite3_preupdate_new(connection.handle, index, &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            let column = TableTrack.StoredColumn(
                index: 0, affinity: track.layout.columns[position].affinity, hasDefault: false, isRowid: false)
            _ = append(value, column, to: &buffer)
        }
        return try buffer.values(positions.count)
    }

    /// Puts the change off until its new values can be read.
    func postpone(
        _ operation: UndoEntry.Operation, _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        var key: [SQLValue] = [.integer(newRowid)]
        if track.isWithoutRowID && track.isIndirect {
            key = try newKey(track, operation)
        } else if track.isWithoutRowID {
            var buffer = ByteBuffer()
            for column in track.keyColumns {
                let isNew = operation == .insert || track.settable.contains(column)
                let value = isNew ? rows.pointee.new.column(column) : rows.pointee.old.column(column)
                if let base = value.baseAddress { buffer.append(base, count: value.count) }
            }
            key = try buffer.values(track.keyColumns.count)
        }
        pending = PendingRow(track: track, operation: operation, oldRowid: oldRowid, newRowid: newRowid, key: key)
    }

    func readStored(_ track: TableTrack, key: [SQLValue], into row: inout RowBuffer) throws(BatchError) {
        guard try reader(of: track).read(key, isUTF16: isUTF16, into: &row) else { throw unreadable(track) }
    }

    func reader(of track: TableTrack) throws(BatchError) -> StoredRowReader {
        if let known = rowReaders[track.number] { return known }
        let reader = try StoredRowReader(track.visible, on: connection)
        rowReaders[track.number] = reader
        return reader
    }

    /// Reads the new values of the last change, now that it has happened, and writes its entry.
    func settlePending() throws(BatchError) {
        guard let row = pending else { return }
        pending = nil
        try readStored(row.track, key: row.key, into: &rows.pointee.new)
        if row.operation == .insert {
            keepInsert(row.track, row.newRowid)
        } else {
            keepUpdate(row.track, row.oldRowid, row.newRowid)
        }
    }
}
