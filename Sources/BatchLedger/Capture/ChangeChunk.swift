internal import BatchCore

/// Row changes as the hook saw them, waiting to be worked into the undo log: their images and nothing derived from them.
///
/// Each change is a kind, the number of its table, the rowids before and after, and the images that the kind has. The
/// new image of an update holds only the columns that the statement may set, unless `Kind.whole` is on.
///
/// Unchecked: a chunk belongs to whoever holds it, the recorder that fills it or the lane that empties it.
final class ChangeChunk: @unchecked Sendable {
    enum Kind {
        static let insert: UInt8 = 0
        static let update: UInt8 = 1
        static let delete: UInt8 = 2
        /// Of the schema, not of a row: see `append(_:rewritten:)`.
        static let schema: UInt8 = 3
        static let operations: UInt8 = 3
        /// The new image holds all columns.
        static let whole: UInt8 = 4
        /// A unique or foreign key may have changed.
        static let keys: UInt8 = 8
    }

    static let size = 256 << 10

    var bytes = ByteBuffer(capacity: ChangeChunk.size + 65_536)
    /// All tables that the changes may name.
    var tracks: [TableTrack] = []

    var isFull: Bool { bytes.count >= ChangeChunk.size }

    func begin(_ kind: UInt8, _ track: TableTrack, _ oldRowid: Int64, _ newRowid: Int64) {
        bytes.append(kind)
        bytes.appendVarint(UInt64(track.number))
        bytes.appendFixed(UInt64(bitPattern: oldRowid))
        bytes.appendFixed(UInt64(bitPattern: newRowid))
    }

    @inline(__always)
    func append(_ image: ByteBuffer) {
        bytes.appendVarint(UInt64(image.count))
        bytes.append(image.start, count: image.count)
    }

    /// A change of the schema, with the rows that it left in tables that it made or altered.
    func append(_ change: SchemaChange, rewritten: [(track: TableTrack, rows: TableDigest)]) {
        bytes.append(Kind.schema)
        bytes.appendVarint(UInt64(rewritten.count))
        for (track, rows) in rewritten {
            bytes.appendVarint(UInt64(track.number))
            bytes.appendFixed(rows.digest.high)
            bytes.appendFixed(rows.digest.low)
            bytes.appendSigned(rows.rows)
        }
        var buffer = ByteBuffer()
        change.encode(into: &buffer)
        append(buffer)
    }

    /// The positions of the columns that the next image holds.
    @inline(__always)
    func append(_ positions: SettablePositions) {
        bytes.appendVarint(UInt64(positions.count))
        for index in 0..<positions.count { bytes.appendVarint(UInt64(positions.list[index])) }
    }
}
