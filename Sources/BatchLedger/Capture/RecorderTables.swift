internal import BatchCore

/// Changes that the hook does not report: of whole tables, of the schema and of SQLite's own tables.
extension Recorder {
    /// Records all rows of a table as deleted: it will be dropped or altered.
    func recordRemoval(of layout: TableLayout, rows: RowReader) throws(BatchError) {
        try flush()
        let track = try makeTrack(layout)
        track.isTouched = true
        var image = ByteBuffer()
        while let (key, values) = try rows.next() {
            guard let key else {
                throw BatchError(
                    .notUndoable,
                    "table \(layout.name) hides its rowid, so its rows cannot be recorded before it changes",
                    hint: "give one of its columns rowid, _rowid_, oid another name first")
            }
            image.removeAll()
            RowCodec.encode(values, into: &image)
            track.digest -= TableDigest(digest: image.digest(), rows: 1)
            log.begin(.delete, flags: 0, table: track)
            if case .rowid(let rowid) = key { log.appendRowid(rowid, of: track) }
            log.append(image.bytes)
            try log.end()
            track.removed.insert(key.order)
        }
    }

    /// Counts the rows of a table that a statement created or altered.
    func noteRewritten(_ layout: TableLayout, rows: TableDigest) throws(BatchError) {
        let track = try makeTrack(layout)
        track.isTouched = true
        track.digest += rows
    }

    func record(_ change: SchemaChange) throws(BatchError) {
        try flush()
        var buffer = ByteBuffer()
        change.encode(into: &buffer)
        log.append(UndoEntry.Operation.schema.rawValue)
        log.appendVarint(UInt64(buffer.count))
        log.append(buffer.bytes)
        try log.end()
    }

    /// Records changes of a system table, found by comparing it.
    func record(_ changes: [RowChange], of layout: TableLayout, in systemLog: UndoLogWriter) throws(BatchError) {
        let track = try makeTrack(layout)
        track.isTouched = true
        var image = ByteBuffer()
        for change in changes {
            guard case .rowid(let rowid) = change.key else { continue }
            if let before = change.before { track.digest -= TableDigest(digest: RowCodec.hash(before), rows: 1) }
            let left = change.after.map(RowCodec.hash)
            if let left { track.digest += TableDigest(digest: left, rows: 1) }
            image.removeAll()
            RowCodec.encode(change.before ?? [], into: &image)
            switch (change.before, left) {
            case (nil, let left?):
                systemLog.begin(.insert, flags: 0, table: track)
                systemLog.appendRowid(rowid, of: track)
                systemLog.appendFixed(left.low)
            case (_?, let left?):
                systemLog.begin(.update, flags: 0, table: track)
                systemLog.appendRowid(rowid, of: track)
                for first in stride(from: 0, to: layout.storedColumns.count, by: 8) {
                    systemLog.append(UInt8(truncatingIfNeeded: (1 << min(8, layout.storedColumns.count - first)) - 1))
                }
                systemLog.append(image.bytes)
                systemLog.appendFixed(left.low)
            default:
                systemLog.begin(.delete, flags: 0, table: track)
                systemLog.appendRowid(rowid, of: track)
                systemLog.append(image.bytes)
            }
            try systemLog.end()
        }
    }
}

extension TableLayout {
    /// SQLite's own tables can be gone, but their old rows still have a layout.
    static func dropped(systemTable name: String) -> TableLayout {
        let columns = SystemTables.columns(of: name).map { name in
            Column(
                name: name, declaredType: "", hasRealAffinity: false, isNotNull: false, hasDefault: false,
                generated: .no, primaryKeyPosition: 0)
        }
        return TableLayout(
            name: name, columns: columns, key: .rowid(alias: "rowid"), integerPrimaryKey: nil, isStrict: false,
            isAutoincrement: false, role: .system, uniqueIndexes: [], foreignKeys: [], sql: "")
    }
}
