internal import BatchCore
internal import BatchLedger

/// One changed row in a `.bak`. Of an updated row the changed columns alone are kept, before and after, with a hash of
/// the whole row as the batch left it: the other columns are in the base.
enum BakRecord {
    struct Update {
        /// Positions among the stored columns, ascending.
        let columns: [Int]
        let before: [SQLValue]
        let after: [SQLValue]
        /// The low 32 bits of `RowCodec.hash` of the row as the batch left it.
        let hash: UInt32
    }

    case insert(RowKey, [SQLValue])
    case delete(RowKey, [SQLValue])
    case update(RowKey, Update)

    /// - Parameter isWhole: keep all columns of an updated row, not just those that differ.
    init?(_ change: RowChange, isWhole: Bool = false) {
        switch (change.before, change.after) {
        case (nil, let after?): self = .insert(change.key, after)
        case (let before?, nil): self = .delete(change.key, before)
        case (let before?, let after?):
            let columns = after.indices.filter { isWhole || before[$0] != after[$0] }
            self = .update(
                change.key,
                Update(
                    columns: columns, before: columns.map { before[$0] }, after: columns.map { after[$0] },
                    hash: UInt32(truncatingIfNeeded: RowCodec.hash(after).low)))
        case (nil, nil): return nil
        }
    }

    var key: RowKey {
        switch self {
        case .insert(let key, _), .delete(let key, _), .update(let key, _): key
        }
    }

    /// The record that undoes this one.
    var reversed: BakRecord {
        switch self {
        case .insert(let key, let row): .delete(key, row)
        case .delete(let key, let row): .insert(key, row)
        case .update(let key, let update):
            .update(
                key, Update(columns: update.columns, before: update.after, after: update.before, hash: update.hash))
        }
    }

    /// Goes forward over the change.
    /// - Throws: `ERR_DATA_CORRUPT_RECORD` when the row that it changes is not there.
    func apply(to rows: inout [RowKey: [SQLValue]]) throws(BatchError) {
        switch self {
        case .insert(let key, let row): rows[key] = row
        case .delete(let key, _): rows[key] = nil
        case .update(let key, let update):
            guard var row = rows[key] else {
                throw BatchError(
                    .corruptRecord, "a record changes a row that is not there", hint: "\(command: "verify")")
            }
            for (column, value) in zip(update.columns, update.after) { row[column] = value }
            rows[key] = row
        }
    }

    // MARK: Bytes

    func encode(into pieces: inout EncodedPieces) {
        switch self {
        case .insert(let key, let row): BakRecord.append(0, key, row, to: &pieces)
        case .delete(let key, let row): BakRecord.append(1, key, row, to: &pieces)
        case .update(let key, let update):
            BakRecord.append(2, key, [], to: &pieces)
            pieces.buffer.appendVarint(UInt64(update.columns.count))
            for column in update.columns { pieces.buffer.appendVarint(UInt64(column)) }
            pieces.append(update.before)
            pieces.append(update.after)
            for shift in [0, 8, 16, 24] { pieces.buffer.append(UInt8(truncatingIfNeeded: update.hash >> shift)) }
        }
    }

    private static func append(_ tag: UInt8, _ key: RowKey, _ row: [SQLValue], to pieces: inout EncodedPieces) {
        pieces.buffer.append(tag)
        switch key {
        case .rowid(let rowid): pieces.buffer.appendSigned(rowid)
        case .values(let values): RowCodec.encode(values, into: &pieces.buffer)
        }
        pieces.append(row)
    }

    init(_ reader: inout ByteReader, _ layout: TableLayout) throws(BatchError) {
        let tag = try reader.byte()
        let key: RowKey
        switch layout.key {
        case .rowid: key = .rowid(try reader.signed())
        case .primaryKey(let positions): key = .values(try reader.values(positions.count))
        }
        switch tag {
        case 0: self = .insert(key, try reader.values(layout.storedColumns.count))
        case 1: self = .delete(key, try reader.values(layout.storedColumns.count))
        default:
            let count = try reader.count()
            var columns: [Int] = []
            // A position is no count: it may be larger than the whole block is long.
            for _ in 0..<count { columns.append(Int(clamping: try reader.varint())) }
            guard columns.allSatisfy({ $0 < layout.storedColumns.count }) else {
                throw BatchError(.corruptRecord, "a record names no column", hint: "\(command: "verify")")
            }
            let before = try reader.values(count)
            let after = try reader.values(count)
            var hash: UInt32 = 0
            for shift in [0, 8, 16, 24] { hash |= UInt32(try reader.byte()) << shift }
            self = .update(key, Update(columns: columns, before: before, after: after, hash: hash))
        }
    }
}
