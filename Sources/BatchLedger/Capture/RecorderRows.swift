internal import BatchCore
internal import CSQLite

/// The images of the row that is changing, as the hook hands them over.
extension Recorder {
    func readOld(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        if track.isIndirect {
            try readStored(track, key: oldKey(track, rowid), into: &rows.pointee.old)
            return
        }
        let count = track.columns.count
        rows.pointee.old.begin(columns: count)
        var isShort = false
        for position in 0..<count {
            rows.pointee.old.mark(position)
            let column = track.columns[position]
            if column.isRowid {
                rows.pointee.old.buffer.appendInteger(rowid)
                continue
            }
            var value: OpaquePointer?
            guard sqlite3_preupdate_old(database, column.index, &value) == SQLITE_OK, let value else {
                throw unreadable(track)
            }
            if !append(value, column, to: &rows.pointee.old.buffer) && column.hasDefault { isShort = true }
        }
        rows.pointee.old.mark(count)
        // A row from before ALTER TABLE ADD COLUMN ends early, and the hook reports NULL in place of the default.
        guard isShort else { return }
        if case .rowid(nil) = track.visible.key { return try readHidden(track, into: &rows.pointee.old) }
        try readStored(track, key: oldKey(track, rowid), into: &rows.pointee.old)
    }

    /// False when the row must be read again once the change has happened: the values are not yet those that SQLite stores.
    func readInserted(_ track: TableTrack, _ rowid: Int64) throws(BatchError) -> Bool {
        let count = track.columns.count
        rows.pointee.new.begin(columns: count)
        if track.isIndirect { return false }
        var isFinal = true
        for position in 0..<count {
            rows.pointee.new.mark(position)
            let column = track.columns[position]
            if column.isRowid {
                rows.pointee.new.buffer.appendInteger(rowid)
                continue
            }
            let isPresent = append(try newValue(column, track), column, to: &rows.pointee.new.buffer)
            // INSERT … SELECT copies short rows as they are.
            if !isPresent && column.hasDefault && track.canBeRead { isFinal = false }
        }
        rows.pointee.new.mark(count)
        return isFinal
    }

    /// Only the values that the statement may set; the old image must be read before.
    /// - Returns: as `readInserted`.
    func readUpdated(_ track: TableTrack, _ rowid: Int64) throws(BatchError) -> Bool {
        let count = track.columns.count
        rows.pointee.new.begin(columns: count)
        if track.isIndirect { return false }
        var isFinal = true
        for index in 0..<track.settable.count {
            let position = track.settable.list[index]
            rows.pointee.new.mark(position)
            defer { rows.pointee.new.mark(position + 1) }
            let column = track.columns[position]
            if column.isRowid {
                rows.pointee.new.buffer.appendInteger(rowid)
                continue
            }
            let value = try newValue(column, track)
            let isPresent = append(value, column, to: &rows.pointee.new.buffer)
            if isPresent && column.affinity.mayConvert(sqlite3_value_type(value)) {
                rows.pointee.new.mark(position + 1)
                if !rows.pointee.isEqual(position) { isFinal = false }
            }
        }
        return isFinal
    }

    @inline(__always)
    private func newValue(_ column: TableTrack.StoredColumn, _ track: TableTrack) throws(BatchError) -> OpaquePointer {
        var value: OpaquePointer?
        guard sqlite3_preupdate_new(database, column.index, &value) == SQLITE_OK, let value else {
            throw unreadable(track)
        }
        return value
    }

    /// False for NULL.
    @inline(__always)
    func append(_ value: OpaquePointer, _ column: TableTrack.StoredColumn, to buffer: inout ByteBuffer) -> Bool {
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER:
            let number = sqlite3_value_int64(value)
            // Whole numbers of a REAL column are stored as integers to save space, and SELECT returns them as reals.
            if column.affinity == .real { buffer.appendReal(Double(number)) } else { buffer.appendInteger(number) }
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

    func unreadable(_ track: TableTrack) -> BatchError {
        BatchError(
            .internalFault, "the changed row of table \(track.layout.name) cannot be read",
            hint: "check the library: batchmgr doctor")
    }
}
