internal import BatchCore

/// Works recorded changes into entries of the undo log, facts for dependencies, and digests.
final class ChangeEncoder {
    let log: UndoLogWriter
    /// Behind a pointer: Swift checks every access to a variable of a class, and these are written for every value.
    let rows = UnsafeMutablePointer<RowImages>.allocate(capacity: 1)

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
        defer { withExtendedLifetime(bytes) {} }
        var reader = ByteReader(bytes.bytes)
        var track: TableTrack?
        while !reader.isAtEnd {
            let kind = try reader.byte()
            if kind == ChangeChunk.Kind.schema {
                try writeSchema(&reader, chunk)
                continue
            }
            let number = Int(try reader.varint())
            let oldRowid = Int64(bitPattern: try reader.fixed())
            let newRowid = Int64(bitPattern: try reader.fixed())
            if track?.number != number { track = chunk.tracks[number] }
            guard let track else { return }
            switch kind & ChangeChunk.Kind.operations {
            case ChangeChunk.Kind.insert:
                try readImage(&reader, track, into: &rows.pointee.new)
                try writeInsert(track, newRowid)
            case ChangeChunk.Kind.delete:
                try readImage(&reader, track, into: &rows.pointee.old)
                try writeDelete(track, oldRowid)
            default:
                try readImage(&reader, track, into: &rows.pointee.old)
                try readNew(&reader, track, isWhole: kind & ChangeChunk.Kind.whole != 0)
                try writeUpdate(track, oldRowid, newRowid, touchesKeys: kind & ChangeChunk.Kind.keys != 0)
            }
        }
    }

    @inline(__always)
    private func readImage(
        _ reader: inout ByteReader, _ track: TableTrack, into row: inout RowBuffer
    ) throws(BatchError) {
        let image = try reader.slice(try reader.count())
        row.begin(columns: track.columns.count)
        if let base = image.baseAddress { row.buffer.append(base, count: image.count) }
        row.markAll(track.columns.count)
    }

    /// Columns that the statement could not set are as they were.
    private func readNew(_ reader: inout ByteReader, _ track: TableTrack, isWhole: Bool) throws(BatchError) {
        if isWhole { return try readImage(&reader, track, into: &rows.pointee.new) }
        let columns = track.columns.count
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

    private func writeSchema(_ reader: inout ByteReader, _ chunk: ChangeChunk) throws(BatchError) {
        for _ in 0..<(try reader.count()) {
            let track = chunk.tracks[Int(try reader.varint())]
            let digest = Digest(high: try reader.fixed(), low: try reader.fixed())
            track.digest += TableDigest(digest: digest, rows: try reader.signed())
        }
        let change = try reader.slice(try reader.count())
        log.append(UndoEntry.Operation.schema.rawValue)
        log.appendVarint(UInt64(change.count))
        log.append(change)
        try log.end()
    }

    private func writeInsert(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        track.watch?.noteInsert(rows) { key(track, rowid, rows.pointee.new) }
        let left = rows.pointee.new.buffer.digest()
        track.digest += TableDigest(digest: left, rows: 1)
        noteKeys(track, in: rows.pointee.new, side: .added)
        log.begin(.insert, flags: 0, table: track)
        if track.isWithoutRowID {
            track.added.insert(keyHash(track, rows.pointee.new))
            appendKey(track, rows.pointee.new)
        } else {
            track.added.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: track)
        }
        log.appendFixed(left.low)
        try log.end()
    }

    private func writeDelete(_ track: TableTrack, _ rowid: Int64) throws(BatchError) {
        track.watch?.noteDelete(rows) { key(track, rowid, rows.pointee.old) }
        track.digest -= TableDigest(digest: rows.pointee.old.buffer.digest(), rows: 1)
        noteKeys(track, in: rows.pointee.old, side: .removed)
        log.begin(.delete, flags: 0, table: track)
        if track.isWithoutRowID {
            track.removed.insert(keyHash(track, rows.pointee.old))
        } else {
            track.removed.insert(UInt64(bitPattern: rowid) ^ (1 << 63))
            log.appendRowid(rowid, of: track)
        }
        log.append(rows.pointee.old.buffer.bytes)
        try log.end()
    }

    private func writeUpdate(
        _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64, touchesKeys: Bool
    ) throws(BatchError) {
        track.watch?.noteUpdate(rows) { key(track, oldRowid, rows.pointee.old) }
        let before = rows.pointee.old.buffer.digest()
        let left = rows.pointee.new.buffer.digest()
        let keyChanged = track.isWithoutRowID ? !hasSameKey(track) : oldRowid != newRowid
        if before == left && !keyChanged {
            track.confirmed.insert(
                track.isWithoutRowID ? keyHash(track, rows.pointee.new) : RowKey.rowid(newRowid).order)
            return
        }
        track.digest -= TableDigest(digest: before, rows: 0)
        track.digest += TableDigest(digest: left, rows: 0)
        if touchesKeys { noteChangedKeys(track) }
        log.begin(.update, flags: keyChanged ? UndoEntry.Flag.key : 0, table: track)
        if track.isWithoutRowID {
            noteRowKeys(track, keyHash(track, rows.pointee.old), keyHash(track, rows.pointee.new), keyChanged)
            appendKey(track, rows.pointee.new)
        } else {
            noteRowKeys(
                track, UInt64(bitPattern: oldRowid) ^ (1 << 63), UInt64(bitPattern: newRowid) ^ (1 << 63), keyChanged)
            log.appendRowid(newRowid, of: track)
            if keyChanged { log.appendVarint(UInt64(bitPattern: oldRowid &- newRowid)) }
        }
        appendChangedColumns(track)
        log.appendFixed(left.low)
        try log.end()
    }

    private func appendChangedColumns(_ track: TableTrack) {
        let columns = track.columns.count
        for first in stride(from: 0, to: columns, by: 8) {
            var mask: UInt8 = 0
            for column in first..<min(first + 8, columns) where !rows.pointee.isEqual(column) {
                mask |= 1 << UInt8(column - first)
            }
            log.append(mask)
        }
        for column in 0..<columns where !rows.pointee.isEqual(column) {
            log.append(rows.pointee.old.column(column))
        }
    }
}
