internal import BatchCore

/// The keys that a change touches: what batches depend on each other by.
extension ChangeEncoder {
    @inline(__always)
    func noteRowKeys(_ track: TableTrack, _ before: UInt64, _ after: UInt64, _ keyChanged: Bool) {
        if keyChanged {
            track.removed.insert(before)
            track.added.insert(after)
        } else {
            track.changed.insert(after)
        }
    }

    func hasSameKey(_ track: TableTrack) -> Bool {
        track.keyColumns.allSatisfy { rows.pointee.isEqual($0) }
    }

    func keyHash(_ track: TableTrack, _ row: RowBuffer) -> UInt64 {
        rows.pointee.scratch.removeAll()
        for column in track.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { rows.pointee.scratch.append(base, count: value.count) }
        }
        return rows.pointee.scratch.hash64()
    }

    func appendKey(_ track: TableTrack, _ row: RowBuffer) {
        for column in track.keyColumns { log.append(row.column(column)) }
    }

    /// For messages; nil when it cannot be told.
    func key(_ track: TableTrack, _ rowid: Int64, _ row: RowBuffer) -> RowKey? {
        guard track.isWithoutRowID else { return .rowid(rowid) }
        var buffer = ByteBuffer()
        for column in track.keyColumns {
            let value = row.column(column)
            if let base = value.baseAddress { buffer.append(base, count: value.count) }
        }
        return (try? buffer.values(track.keyColumns.count)).map(RowKey.values)
    }

    @inline(__always)
    func noteKeys(_ track: TableTrack, in row: RowBuffer, side: FactSide) {
        for index in track.uniqueKeys.indices {
            guard let hash = uniqueHash(row, track.uniqueKeys[index]) else { continue }
            if side == .added {
                track.uniqueKeys[index].taken.insert(hash)
            } else {
                track.uniqueKeys[index].freed.insert(hash)
            }
        }
        for index in track.references.indices {
            guard let key = referenceKey(row, track.references[index]) else { continue }
            if side == .added {
                track.references[index].referenced.insert(key)
            } else {
                track.references[index].released.insert(key)
            }
        }
    }

    func noteChangedKeys(_ track: TableTrack) {
        for index in track.uniqueKeys.indices {
            let columns = track.uniqueKeys[index].columns
            if columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            if let hash = uniqueHash(rows.pointee.old, track.uniqueKeys[index]) {
                track.uniqueKeys[index].freed.insert(hash)
            }
            if let hash = uniqueHash(rows.pointee.new, track.uniqueKeys[index]) {
                track.uniqueKeys[index].taken.insert(hash)
            }
        }
        for index in track.references.indices {
            let columns = track.references[index].columns
            if columns.allSatisfy({ rows.pointee.isEqual($0) }) { continue }
            if let key = referenceKey(rows.pointee.old, track.references[index]) {
                track.references[index].released.insert(key)
            }
            if let key = referenceKey(rows.pointee.new, track.references[index]) {
                track.references[index].referenced.insert(key)
            }
        }
    }

    private func uniqueHash(_ row: RowBuffer, _ key: UniqueTrack) -> UInt64? {
        rows.pointee.scratch.removeAll()
        for (column, collation) in zip(key.columns, key.collations)
        where !KeyHash.append(row.column(column), collation, to: &rows.pointee.scratch) { return nil }
        return rows.pointee.scratch.hash64()
    }

    private func referenceKey(_ row: RowBuffer, _ reference: ReferenceTrack) -> UInt64? {
        reference.key(of: reference.columns.map(row.column), &rows.pointee.scratch)
    }
}
