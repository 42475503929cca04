public import BatchCore

/// The name of a `.bak` file: `batch_<batchID>_snapshot_<ts>.bak`.
public struct BakName: Hashable, Sendable, CustomStringConvertible {
    public let batch: String
    public let time: String

    public init(batch: String, time: Timestamp) {
        self.batch = batch
        self.time = time.compact
    }

    /// Nil for names of other files.
    public init?(_ name: String) {
        guard name.hasPrefix("batch_"), name.hasSuffix(".bak"), let mark = name.lastRange(of: "_snapshot_") else {
            return nil
        }
        batch = String(name[name.index(name.startIndex, offsetBy: 6)..<mark.lowerBound])
        time = String(name[mark.upperBound..<name.index(name.endIndex, offsetBy: -4)])
    }

    public var description: String { "batch_\(batch)_snapshot_\(time).bak" }
}

extension String {
    /// The last place where `part` stands. The full Foundation would be the only other way to it.
    fileprivate func lastRange(of part: String) -> Range<String.Index>? {
        var start = endIndex
        while start > startIndex {
            start = index(before: start)
            if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
        }
        return nil
    }
}
