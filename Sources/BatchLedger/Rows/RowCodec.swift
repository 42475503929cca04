public import BatchCore

/// The binary form of row values, used by the undo log, the `.bak` deltas and the row hash.
///
/// One tag byte, then: nothing for NULL; a zigzag varint for an integer; eight bytes (little endian) for a real; a varint
/// length and the bytes for text (UTF-8 or UTF-16) and blobs. Equal values have equal bytes and different ones have
/// different bytes, so hashing and comparing bytes is hashing and comparing values.
public enum RowCodec {
    enum Tag {
        static let null: UInt8 = 0
        static let integer: UInt8 = 1
        static let real: UInt8 = 2
        static let text: UInt8 = 3
        static let text16: UInt8 = 4
        static let blob: UInt8 = 5
    }

    public static func encode(_ values: [SQLValue], into buffer: inout ByteBuffer) {
        for value in values { encode(value, into: &buffer) }
    }

    public static func encode(_ value: SQLValue, into buffer: inout ByteBuffer) {
        switch value {
        case .null: buffer.append(Tag.null)
        case .integer(let number): buffer.appendInteger(number)
        case .real(let number): buffer.appendReal(number)
        case .text(let bytes): append(Tag.text, bytes, to: &buffer)
        case .text16(let bytes): append(Tag.text16, bytes, to: &buffer)
        case .blob(let bytes): append(Tag.blob, bytes, to: &buffer)
        }
    }

    private static func append(_ tag: UInt8, _ bytes: [UInt8], to buffer: inout ByteBuffer) {
        bytes.withUnsafeBytes { buffer.appendBytes(tag, $0.baseAddress, $0.count) }
    }

    /// The row's contribution to the digest of its table.
    public static func hash(_ values: [SQLValue]) -> Digest {
        var buffer = ByteBuffer()
        encode(values, into: &buffer)
        return buffer.digest()
    }
}
