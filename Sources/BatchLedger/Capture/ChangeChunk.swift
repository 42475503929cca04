internal import BatchCore
internal import BatchSystem
internal import Synchronization

/// Row changes as the hook saw them, waiting to be worked into the undo log: their images and nothing derived from them.
///
/// Each change is a kind, the number of its table, the rowids before and after, and the images that the kind has. The
/// new image of an update holds only the columns that the statement may set, unless `Kind.whole` is on.
///
/// Unchecked: a chunk belongs to whoever holds it, the sink that fills it or the queue that empties it.
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
    var tables: [CapturedTable] = []
    /// Holds the long values; nil when there are none.
    var kept: KeptFile?

    var isFull: Bool { bytes.count >= ChangeChunk.size }

    func begin(_ kind: UInt8, _ table: CapturedTable, _ oldRowid: Int64, _ newRowid: Int64) {
        bytes.append(kind)
        bytes.appendVarint(UInt64(table.number))
        bytes.appendFixed(UInt64(bitPattern: oldRowid))
        bytes.appendFixed(UInt64(bitPattern: newRowid))
    }

    @inline(__always)
    func append(_ image: ByteBuffer) {
        bytes.appendVarint(UInt64(image.count))
        bytes.append(image.start, count: image.count)
    }

    /// A change of the schema, with the rows that it left in tables that it made or altered.
    func append(_ change: SchemaChange, rewritten: [(table: CapturedTable, rows: TableDigest)]) {
        bytes.append(Kind.schema)
        bytes.appendVarint(UInt64(rewritten.count))
        for (table, rows) in rewritten {
            bytes.appendVarint(UInt64(table.number))
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

/// Works changes into the undo log beside the statement that makes them, in the order in which it makes them.
///
/// Only a few chunks wait at a time, so that memory stays flat when the statement is faster.
///
/// Unchecked: the encoder belongs to the thread from the first `add` until `finish` or `discard` has returned, and to the
/// caller otherwise. A chunk belongs to whoever holds it.
final class ChangeQueue: @unchecked Sendable {
    private struct State {
        var failure: BatchError?
        /// Chunks to be filled again: new memory costs more than the copy into it.
        var free: [ChangeChunk] = []
    }

    private static let mostWaiting = 4
    private let encoder: ChangeEncoder
    private let thread = WorkThread(mostWaiting: mostWaiting)
    private let state = Mutex(State())
    private var isEmpty = true

    init(_ encoder: ChangeEncoder) { self.encoder = encoder }

    /// Hands over a full chunk, and returns an empty one as soon as there is room.
    func exchange(_ chunk: ChangeChunk) -> ChangeChunk {
        isEmpty = false
        thread.add { [self] in write(chunk) }
        return state.withLock { $0.free.popLast() } ?? ChangeChunk()
    }

    private func write(_ chunk: ChangeChunk) {
        guard state.withLock({ $0.failure == nil }) else { return }
        do throws(BatchError) {
            try encoder.write(chunk)
        } catch {
            state.withLock { $0.failure = error }
        }
        chunk.bytes.release()
        chunk.tables = []
        chunk.kept = nil
        state.withLock { $0.free.append(chunk) }
    }

    /// Waits until everything is written.
    func finish() throws(BatchError) {
        if isEmpty { return }
        thread.wait()
        isEmpty = true
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    /// Waits until the encoder rests, whatever became of the changes.
    func discard() {
        if !isEmpty { thread.wait() }
        isEmpty = true
        state.withLock { $0.failure = nil }
    }
}
