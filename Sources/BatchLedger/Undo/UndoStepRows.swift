internal import BatchCore

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
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when an updated row is not there.
    func before(_ row: [SQLValue]?, _ bytes: UnsafeRawBufferPointer, _ columns: Int) throws(BatchError) -> [SQLValue]? {
        switch operation {
        case .insert, .schema: return nil
        case .delete:
            var reader = ByteReader(bytes, at: imageOffset)
            return try reader.values(columns)
        case .update:
            guard var values = row else { throw Ledger.damaged("batchmgr_undo") }
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
