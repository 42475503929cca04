/// A 128-bit hash of a set of rows that does not depend on their order.
///
/// It is the sum of the rows' hashes modulo 2^128, so a changed row costs one subtraction and one addition, and two
/// equal rows count twice (with XOR they would cancel out).
public struct Digest: Hashable, Sendable {
    public var high: UInt64
    public var low: UInt64

    public static let zero = Digest(high: 0, low: 0)

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable
    public static func += (sum: inout Digest, row: Digest) {
        let (low, carry) = sum.low.addingReportingOverflow(row.low)
        sum.low = low
        sum.high = sum.high &+ row.high &+ (carry ? 1 : 0)
    }

    @inlinable
    public static func -= (sum: inout Digest, row: Digest) {
        let (low, borrow) = sum.low.subtractingReportingOverflow(row.low)
        sum.low = low
        sum.high = sum.high &- row.high &- (borrow ? 1 : 0)
    }

    @inlinable
    public static func + (a: Digest, b: Digest) -> Digest {
        var sum = a
        sum += b
        return sum
    }

    @inlinable
    public static func - (a: Digest, b: Digest) -> Digest {
        var difference = a
        difference -= b
        return difference
    }
}

extension Digest: CustomStringConvertible {
    /// 32 lower-case hexadecimal digits, the most significant first.
    public var description: String { Hex.string(high) + Hex.string(low) }

    public init?(hex: String) {
        guard hex.utf8.count == 32, let high = UInt64(hex.prefix(16), radix: 16),
            let low = UInt64(hex.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}
