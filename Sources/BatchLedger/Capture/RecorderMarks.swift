internal import BatchCore

/// Changes that were recorded and then taken back by SQLite itself.
extension Recorder {
    struct Mark {
        let chunk: Int
        let length: Int
        let counts: RowCounts
        let failure: BatchError?
    }

    func mark() -> Mark {
        do throws(BatchError) {
            // The row is as its statement left it: what comes behind the mark may change it, and go back.
            try settlePending()
        } catch { fail(error) }
        return Mark(chunk: chunkNumber, length: chunk.bytes.count, counts: counts, failure: failure)
    }

    /// Forgets what was recorded since the mark.
    func goBack(to mark: Mark) {
        pending = nil
        triggers?.candidates = []
        counts = mark.counts
        failure = mark.failure
        watch?.forgetStatement()
        if mark.chunk == chunkNumber { return chunk.bytes.setCount(mark.length) }
        fail(
            BatchError(
                .notUndoable, "more was changed and taken back than the record can forget",
                hint: "take the batch back with SELECT batch_abort(), and begin it anew"))
    }
}
