internal import BatchCore

/// A set of 64-bit keys as runs of neighbours. Keys that arrive in order cost one run, however many they are.
///
/// The sink adds keys in any order; `sorted()` makes a canonical set of it.
struct KeyRuns {
    struct Run: Equatable {
        var low: UInt64
        var high: UInt64
    }

    private(set) var runs: [Run] = []
    /// Sorting is put off until the list is long: scattered keys would sort again and again.
    private var sortAt = 65_536

    init(runs: [Run] = []) { self.runs = runs }

    var isEmpty: Bool { runs.isEmpty }

    @inline(__always)
    mutating func insert(_ key: UInt64) {
        if let last = runs.last {
            if key >= last.low && key <= last.high { return }
            if last.high != .max && key == last.high + 1 {
                runs[runs.count - 1].high = key
                return
            }
            if last.low != 0 && key == last.low - 1 {
                runs[runs.count - 1].low = key
                return
            }
        }
        runs.append(Run(low: key, high: key))
        if runs.count >= sortAt { compact() }
    }

    /// Sorts and joins runs that overlap or touch.
    mutating func compact() {
        runs.sort { $0.low < $1.low }
        var joined: [Run] = []
        joined.reserveCapacity(runs.count)
        for run in runs {
            if let last = joined.last, run.low <= last.high || run.low == last.high &+ 1 {
                joined[joined.count - 1].high = max(last.high, run.high)
            } else {
                joined.append(run)
            }
        }
        runs = joined
        sortAt = max(65_536, runs.count * 2)
    }

    /// The number of keys.
    var count: UInt64 { runs.reduce(0) { $0 &+ ($1.high - $1.low) &+ 1 } }

    func contains(_ key: UInt64) -> Bool {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].high < key { low = middle + 1 } else { high = middle }
        }
        return low < runs.count && runs[low].low <= key
    }

    /// How many keys two compacted sets share.
    func overlap(with other: KeyRuns) -> UInt64 {
        var shared: UInt64 = 0
        var left = 0
        var right = 0
        while left < runs.count && right < other.runs.count {
            let low = max(runs[left].low, other.runs[right].low)
            let high = min(runs[left].high, other.runs[right].high)
            if low <= high { shared &+= high - low &+ 1 }
            if runs[left].high < other.runs[right].high { left += 1 } else { right += 1 }
        }
        return shared
    }

    /// The keys that two compacted sets share.
    func intersection(_ other: KeyRuns) -> KeyRuns {
        var shared: [Run] = []
        var left = 0
        var right = 0
        while left < runs.count && right < other.runs.count {
            let low = max(runs[left].low, other.runs[right].low)
            let high = min(runs[left].high, other.runs[right].high)
            if low <= high { shared.append(Run(low: low, high: high)) }
            if runs[left].high < other.runs[right].high { left += 1 } else { right += 1 }
        }
        return KeyRuns(runs: shared)
    }

    /// The keys of this compacted set that the other one does not have.
    func subtracting(_ other: KeyRuns) -> KeyRuns {
        var left: [Run] = []
        var next = 0
        for var run in runs {
            while next < other.runs.count, other.runs[next].high < run.low { next += 1 }
            var place = next
            var isUsedUp = false
            while place < other.runs.count, other.runs[place].low <= run.high {
                let gone = other.runs[place]
                if gone.low > run.low { left.append(Run(low: run.low, high: gone.low - 1)) }
                if gone.high >= run.high {
                    isUsedUp = true
                    break
                }
                run.low = gone.high + 1
                place += 1
            }
            if !isUsedUp { left.append(run) }
        }
        return KeyRuns(runs: left)
    }

    mutating func formUnion(_ other: KeyRuns) {
        runs.append(contentsOf: other.runs)
        compact()
    }

    /// Cuts a compacted set into ranges that hold `size` keys each, the last one fewer.
    func windows(of size: UInt64) -> [ClosedRange<UInt64>] {
        var windows: [ClosedRange<UInt64>] = []
        var start: UInt64?
        var room = size
        for run in runs {
            var low = run.low
            while true {
                start = start ?? low
                if run.high - low < room - 1 {
                    room -= run.high - low + 1
                    break
                }
                let end = low + (room - 1)
                windows.append((start ?? low)...end)
                start = nil
                room = size
                if end == run.high { break }
                low = end + 1
            }
        }
        if let start, let last = runs.last { windows.append(start...last.high) }
        return windows
    }
}

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
                    throw BatchError(.corruptLedger, "a set of keys cannot be read", hint: "\(command: "verify")")
                }
                runs.append(Run(low: low, high: high))
                last = high
            }
            return runs
        }
    }
}
