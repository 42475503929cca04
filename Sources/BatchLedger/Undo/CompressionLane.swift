internal import BatchCore
internal import Synchronization

/// Compresses undo blocks beside the statement that fills them.
///
/// Blocks come out in the order they went in. Only a few wait at a time, so that memory stays flat when the statement is
/// faster than the compressor.
final class CompressionLane: Sendable {
    private struct State {
        var finished: [UndoBlock] = []
        var failure: BatchError?
    }

    private static let mostWaiting = 8
    private let thread = WorkThread(mostWaiting: mostWaiting)
    private let state = Mutex(State())

    /// Takes the bytes of a block; returns when there is room for another one.
    func add(_ bytes: [UInt8], entries: Int) {
        thread.add { [self] in
            let result = Result { () throws(BatchError) in
                // Not kept: a context belongs to one thread at a time, and making one costs nothing beside a block.
                let compressor = BlockCompressor()
                return try compressor.block(bytes, entries: entries)
            }
            state.withLock { state in
                switch result {
                case .success(let block): state.finished.append(block)
                case .failure(let error): state.failure = state.failure ?? error
                }
            }
        }
    }

    /// The blocks that are done so far, in order; they are the caller's then.
    func takeFinished() throws(BatchError) -> [UndoBlock] {
        let (blocks, failure) = state.withLock { state in
            defer { state.finished = [] }
            return (state.finished, state.failure)
        }
        if let failure { throw failure }
        return blocks
    }

    /// Waits for all blocks.
    func finish() throws(BatchError) -> [UndoBlock] {
        thread.wait()
        return try takeFinished()
    }

    /// Forgets all blocks.
    func discard() {
        thread.wait()
        state.withLock { $0 = State() }
    }
}
