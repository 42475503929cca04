internal import BatchCore
internal import Synchronization

/// Works changes into the undo log beside the statement that makes them, in the order in which it makes them.
///
/// Only a few chunks wait at a time, so that memory stays flat when the statement is faster.
///
/// Unchecked: the encoder belongs to the thread from the first `add` until `finish` or `discard` has returned, and to the
/// caller otherwise. A chunk belongs to whoever holds it.
final class ChangeLane: @unchecked Sendable {
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
        chunk.bytes.removeAll()
        chunk.tracks = []
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
