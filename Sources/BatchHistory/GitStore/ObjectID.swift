internal import BatchCore

/// The SHA-1 that names a git object.
public struct ObjectID: Hashable, Sendable, Comparable, CustomStringConvertible {
    private let high: UInt64
    private let middle: UInt64
    private let low: UInt32

    /// - Parameter bytes: 20 of them; missing ones count as zero.
    init(_ bytes: some Sequence<UInt8>) {
        var words: (UInt64, UInt64, UInt32) = (0, 0, 0)
        for (index, byte) in bytes.prefix(20).enumerated() {
            switch index {
            case 0..<8: words.0 |= UInt64(byte) << UInt64(56 - index * 8)
            case 8..<16: words.1 |= UInt64(byte) << UInt64(56 - (index - 8) * 8)
            default: words.2 |= UInt32(byte) << UInt32(24 - (index - 16) * 8)
            }
        }
        (high, middle, low) = words
    }

    /// - Parameter bytes: exactly 20.
    init(raw bytes: UnsafeRawBufferPointer) {
        high = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        middle = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        low = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }

    /// Nil unless the text is 40 hexadecimal digits.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 40, let bytes = Hex.bytes(hex) else { return nil }
        self.init(bytes)
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20)
        withUnsafeBytes(of: high.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: middle.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: low.bigEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    public var description: String { Hex.string(bytes) }

    /// The first byte: the fan-out table of a pack index counts by it.
    var first: Int { Int(high >> 56) }

    public static func < (a: ObjectID, b: ObjectID) -> Bool {
        (a.high, a.middle, a.low) < (b.high, b.middle, b.low)
    }
}
