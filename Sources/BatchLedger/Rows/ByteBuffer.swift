public import BatchCore
internal import CXXHash
internal import Glibc

/// A growing run of bytes without Swift's array checks: the recorder writes every changed row through it.
///
/// The storage is a class so that it is freed with its last owner; a buffer is used by one owner at a time.
public struct ByteBuffer {
    final class Storage {
        var start: UnsafeMutableRawPointer
        var capacity: Int

        init(capacity: Int) {
            start = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            self.capacity = capacity
        }

        deinit { start.deallocate() }

        func grow(keeping count: Int, toHold needed: Int) {
            let larger = max(needed, capacity * 2)
            let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
            memcpy(moved, start, count)
            start.deallocate()
            start = moved
            capacity = larger
        }
    }

    let storage: Storage
    public private(set) var count = 0

    public init(capacity: Int = 256) { storage = Storage(capacity: max(16, capacity)) }

    var start: UnsafeMutableRawPointer { storage.start }
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: storage.start, count: count) }
    public var array: [UInt8] { [UInt8](bytes) }

    public mutating func removeAll() { count = 0 }

    @inline(__always)
    private func reserve(_ more: Int) {
        if count + more > storage.capacity { storage.grow(keeping: count, toHold: count + more) }
    }

    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        storage.start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    @inline(__always)
    public mutating func append(_ source: UnsafeRawPointer, count length: Int) {
        reserve(length)
        memcpy(storage.start + count, source, length)
        count += length
    }

    public mutating func append(contentsOf source: [UInt8]) {
        source.withUnsafeBytes { if let base = $0.baseAddress { append(base, count: $0.count) } }
    }

    /// LEB128: seven bits a byte, the lowest first.
    @inline(__always)
    public mutating func appendVarint(_ value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            storage.start.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            count += 1
            rest >>= 7
        }
        storage.start.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        count += 1
    }

    @inline(__always)
    public mutating func appendSigned(_ value: Int64) {
        appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    @inline(__always)
    public mutating func appendFixed(_ value: UInt64) {
        reserve(8)
        storage.start.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt64.self)
        count += 8
    }

    // MARK: Values, see RowCodec

    @inline(__always)
    mutating func appendInteger(_ value: Int64) {
        append(RowCodec.Tag.integer)
        appendSigned(value)
    }

    @inline(__always)
    mutating func appendReal(_ value: Double) {
        append(RowCodec.Tag.real)
        appendFixed(value.bitPattern)
    }

    @inline(__always)
    mutating func appendBytes(_ tag: UInt8, _ source: UnsafeRawPointer?, _ length: Int) {
        append(tag)
        appendVarint(UInt64(length))
        if let source, length > 0 { append(source, count: length) }
    }

    /// XXH3, 128 bits, of all bytes.
    public func digest() -> Digest {
        let hash = cxxhash_128(storage.start, count)
        return Digest(high: hash.high64, low: hash.low64)
    }

    /// XXH3, 64 bits, of all bytes.
    public func hash64() -> UInt64 { cxxhash_64(storage.start, count) }
}
