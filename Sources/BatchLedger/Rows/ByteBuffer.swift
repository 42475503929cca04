public import BatchCore
internal import CXXHash
internal import Glibc

/// A growing run of bytes without Swift's array checks: the recorder writes every changed row through it.
///
/// The memory is freed with its last owner. A copy shares it until it grows, so a buffer is used by one owner at a time.
public struct ByteBuffer {
    /// Frees the memory; it is not touched otherwise, because access to a class costs checks.
    private final class Owner {
        var memory: UnsafeMutableRawPointer

        init(_ memory: UnsafeMutableRawPointer) { self.memory = memory }
        deinit { memory.deallocate() }
    }

    private let owner: Owner
    private(set) var start: UnsafeMutableRawPointer
    private var capacity: Int
    public private(set) var count = 0

    public init(capacity: Int = 256) {
        self.capacity = max(16, capacity)
        start = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 16)
        owner = Owner(start)
    }

    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
    public var array: [UInt8] { [UInt8](bytes) }

    public mutating func removeAll() { count = 0 }

    /// Also gives back the memory that a large value took.
    mutating func release() {
        count = 0
        if capacity <= ByteBuffer.large { return }
        capacity = ByteBuffer.large / 8
        move(holding: 0)
    }

    /// What is larger is not kept, and does not double.
    private static let large = 4 << 20

    /// For C functions that wrote to `start` themselves; `count` must fit the capacity.
    mutating func setCount(_ count: Int) { self.count = min(count, capacity) }

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if count &+ more > capacity { grow(toHold: count + more) }
    }

    @inline(never)
    private mutating func grow(toHold needed: Int) {
        capacity = max(needed, capacity < ByteBuffer.large ? capacity * 2 : capacity + capacity / 8)
        move(holding: count)
    }

    private mutating func move(holding count: Int) {
        let moved = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        memcpy(moved, start, count)
        start.deallocate()
        start = moved
        owner.memory = moved
    }

    @inline(__always)
    public mutating func append(_ byte: UInt8) {
        reserve(1)
        start.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    public mutating func append(_ source: UnsafeRawPointer, count length: Int) {
        reserve(length)
        memcpy(start + count, source, length)
        count &+= length
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
            start.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            count &+= 1
            rest >>= 7
        }
        start.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    @inline(__always)
    public mutating func appendSigned(_ value: Int64) {
        appendVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    @inline(__always)
    public mutating func appendFixed(_ value: UInt64) {
        reserve(8)
        start.storeBytes(of: value.littleEndian, toByteOffset: count, as: UInt64.self)
        count &+= 8
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
        let hash = cxxhash_128(start, count)
        return Digest(high: hash.high64, low: hash.low64)
    }

    /// XXH3, 64 bits, of all bytes.
    public func hash64() -> UInt64 { cxxhash_64(start, count) }
}
