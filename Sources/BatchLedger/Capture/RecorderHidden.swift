internal import BatchCore

extension Recorder {
    /// Reads the old row of a table whose rowid cannot be named, by the values that are known. A column that arrived as
    /// NULL holds NULL or, in a row from before ADD COLUMN, its default.
    func readHidden(_ track: TableTrack, into row: inout RowBuffer) throws(BatchError) {
        let stored = track.layout.storedColumns
        var known = ByteBuffer()
        var conditions: [String] = []
        var count = 0
        let defaults = try connection.rows(
            "SELECT dflt_value FROM pragma_table_xinfo(?, 'main') ORDER BY cid", [.string(track.layout.name)]
        ).map { $0[0].string ?? "NULL" }
        for (position, column) in stored.enumerated() {
            let value = row.column(position)
            let name = SQLName.quote(track.visible.columns[column].name)
            if value.first == RowCodec.Tag.null && track.columns[position].hasDefault {
                conditions.append("(\(name) IS NULL OR \(name) IS (\(defaults[column])))")
                continue
            }
            count += 1
            if let base = value.baseAddress { known.append(base, count: value.count) }
            conditions.append("\(name) IS ?")
        }
        // The entries of the row are gone from the indexes already when the hook is called.
        let list = track.visible.storedColumnList
        let condition = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let statement = try connection.prepare(
            "SELECT \(list) FROM main.\(track.layout.quotedName) NOT INDEXED\(condition)")
        try statement.bind(try known.values(count))
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
