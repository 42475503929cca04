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

    /// Puts the change off until its new values can be read.
    func postpone(
        _ operation: UndoEntry.Operation, _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64
    ) throws(BatchError) {
        var key: [SQLValue] = [.integer(newRowid)]
        if track.isWithoutRowID {
            var buffer = ByteBuffer()
            for column in track.keyColumns {
                let value = rows.pointee.new.column(column)
                if let base = value.baseAddress { buffer.append(base, count: value.count) }
            }
            key = try buffer.values(track.keyColumns.count)
        }
        pending = PendingRow(track: track, operation: operation, oldRowid: oldRowid, newRowid: newRowid, key: key)
    }

    func readStored(_ track: TableTrack, key: [SQLValue], into row: inout RowBuffer) throws(BatchError) {
        let reader: StoredRowReader
        if let known = rowReaders[track.number] {
            reader = known
        } else {
            reader = try StoredRowReader(track.visible, on: connection)
            rowReaders[track.number] = reader
        }
        guard try reader.read(key, isUTF16: isUTF16, into: &row) else { throw unreadable(track) }
    }

    /// Reads the new values of the last change, now that it has happened, and writes its entry.
    func settlePending() throws(BatchError) {
        guard let row = pending else { return }
        pending = nil
        try readStored(row.track, key: row.key, into: &rows.pointee.new)
        if row.operation == .insert {
            try writeInsert(row.track, row.newRowid)
        } else {
            try writeUpdate(row.track, row.oldRowid, row.newRowid, isChecked: true)
        }
    }

    /// Reads the old row of a table whose rowid cannot be named, by the values that are known; `columns` of it are not.
    func readHidden(_ track: TableTrack, into row: inout RowBuffer) throws(BatchError) {
        let stored = track.layout.storedColumns
        var known = ByteBuffer()
        var conditions: [String] = []
        for (position, column) in stored.enumerated() {
            let value = row.column(position)
            if value.first == RowCodec.Tag.null && track.columns[position].hasDefault { continue }
            if let base = value.baseAddress { known.append(base, count: value.count) }
            conditions.append("\(SQLName.quote(track.visible.columns[column].name)) IS ?")
        }
        let list = track.visible.storedColumnList
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let statement = try connection.prepare("SELECT \(list) FROM main.\(track.layout.quotedName)\(condition)")
        try statement.bind(try known.values(conditions.count))
        var image: [UInt8]?
        while try statement.step() {
            row.begin(columns: stored.count)
            for column in stored.indices {
                row.mark(column)
                statement.encodeColumns(column..<column + 1, isUTF16: isUTF16, into: &row.buffer)
            }
            row.mark(stored.count)
            if let image, image != row.buffer.array { throw unreadable(track) }
            image = row.buffer.array
        }
        if image == nil { throw unreadable(track) }
    }
}
