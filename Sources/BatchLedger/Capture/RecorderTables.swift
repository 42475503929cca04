internal import BatchCore

/// Changes that the hook does not report: of whole tables, of the schema and of SQLite's own tables.
extension Recorder {
    /// Records all rows of a table as deleted: it will be dropped or altered.
    ///
    /// They are part of the definition that goes: nobody counts them, and no policy asks for each of them.
    func recordRemoval(of layout: TableLayout, rows: RowReader) throws(BatchError) {
        try settlePending()
        let track = TableTrack(
            layout: layout, visible: layout, number: tracks.count, uniqueKeys: [], references: [])
        tracks.append(track)
        track.isTouched = true
        var image = ByteBuffer()
        while let (key, values) = try rows.next() {
            guard let key else { throw Recorder.hiddenRows(of: layout) }
            image.removeAll()
            RowCodec.encode(values, into: &image)
            var rowid: Int64 = 0
            if case .rowid(let known) = key { rowid = known }
            keep(removed: image, rowid, track)
        }
    }

    static func hiddenRows(of layout: TableLayout) -> BatchError {
        BatchError(
            .notUndoable, "table \(layout.name) hides its rowid, so its rows cannot be recorded before it changes",
            hint: "give one of its columns rowid, _rowid_, oid another name first")
    }

    /// - Parameter rewritten: tables that the statement made or altered, with the rows that it left in them.
    func record(
        _ change: SchemaChange, rewritten: [(layout: TableLayout, rows: TableDigest)]
    ) throws(BatchError) {
        try settlePending()
        let tracks = try rewritten.map { (layout, rows) throws(BatchError) in
            let track = try makeTrack(layout)
            track.isTouched = true
            return (track: track, rows: rows)
        }
        keep(change, rewritten: tracks)
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
