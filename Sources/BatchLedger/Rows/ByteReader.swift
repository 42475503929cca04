public import BatchCore

/// Reads what `ByteBuffer` wrote. Every read is checked: the bytes may come from a damaged file.
public struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    public private(set) var position: Int

    /// - Parameter bytes: must stay alive while the reader is used.
    public init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    public var isAtEnd: Bool { position >= bytes.count }

    private var truncated: BatchError {
        BatchError(.corruptRecord, "a record ends too early", hint: "see what is damaged: \(command: "verify")")
    }

    public mutating func byte() throws(BatchError) -> UInt8 {
        guard position < bytes.count else { throw truncated }
        defer { position += 1 }
        return bytes[position]
    }

    public mutating func varint() throws(BatchError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = try self.byte()
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw truncated
    }

    public mutating func signed() throws(BatchError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: (value >> 1) ^ (0 &- (value & 1)))
    }

    public mutating func fixed() throws(BatchError) -> UInt64 {
        guard position + 8 <= bytes.count else { throw truncated }
        defer { position += 8 }
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
    }

    public mutating func count() throws(BatchError) -> Int {
        let value = try varint()
        guard value <= UInt64(bytes.count) else { throw truncated }
        return Int(value)
    }

    public mutating func array() throws(BatchError) -> [UInt8] {
        let length = try count()
        return [UInt8](try slice(length))
    }

    /// The next `length` bytes, without copying them.
    public mutating func slice(_ length: Int) throws(BatchError) -> UnsafeRawBufferPointer {
        guard length >= 0, position + length <= bytes.count else { throw truncated }
        defer { position += length }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
    }

    public mutating func value() throws(BatchError) -> SQLValue {
        switch try byte() {
        case RowCodec.Tag.null: return .null
        case RowCodec.Tag.integer: return .integer(try signed())
        case RowCodec.Tag.real: return .real(Double(bitPattern: try fixed()))
        case RowCodec.Tag.text: return .text(try array())
        case RowCodec.Tag.text16: return .text16(try array())
        case RowCodec.Tag.blob: return .blob(try array())
        default: throw truncated
        }
    }

    public mutating func values(_ number: Int) throws(BatchError) -> [SQLValue] {
        var values: [SQLValue] = []
        values.reserveCapacity(number)
        for _ in 0..<number { values.append(try value()) }
        return values
    }
}

extension ByteBuffer {
    /// The first values that the buffer holds in `RowCodec` form.
    func values(_ number: Int) throws(BatchError) -> [SQLValue] {
        // The reader does not keep the memory alive.
        let answer: Result<[SQLValue], BatchError> = withExtendedLifetime(self) {
            do throws(BatchError) {
                var reader = ByteReader(bytes)
                return .success(try reader.values(number))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }
}

extension Array where Element == UInt8 {
    /// Reads the bytes from the beginning.
    public func reading<Result>(_ body: (inout ByteReader) throws(BatchError) -> Result) throws(BatchError) -> Result {
        let answer: Swift.Result<Result, BatchError> = withUnsafeBytes { bytes in
            do throws(BatchError) {
                var reader = ByteReader(bytes)
                return .success(try body(&reader))
            } catch {
                return .failure(error)
            }
        }
        return try answer.get()
    }
}
