internal import BatchCore

extension KeyRuns {
    /// Compacted runs as varints: gap to the run before, length less one.
    func encoded(_ range: Range<Int>) -> [UInt8] {
        var buffer = ByteBuffer(capacity: range.count * 4)
        var last: UInt64 = 0
        for run in runs[range] {
            buffer.appendVarint(run.low &- last)
            buffer.appendVarint(run.high - run.low)
            last = run.high
        }
        return buffer.array
    }

    init(encoded bytes: [UInt8]) throws(BatchError) {
        self.init(runs: try KeyRuns.decode(bytes))
    }

    private static func decode(_ bytes: [UInt8]) throws(BatchError) -> [Run] {
        try bytes.reading { (reader) throws(BatchError) in
            var runs: [Run] = []
            var last: UInt64 = 0
            while !reader.isAtEnd {
                let low = last &+ (try reader.varint())
                let (high, overflow) = low.addingReportingOverflow(try reader.varint())
                guard !overflow else {
                    throw BatchError(.corruptLedger, "a set of keys cannot be read", hint: "batchmgr verify")
                }
                runs.append(Run(low: low, high: high))
                last = high
            }
            return runs
        }
    }
}
