internal import Glibc

/// One row image in `RowCodec` form, with the place where each stored column begins.
struct RowBuffer {
    var buffer = ByteBuffer(capacity: 4_096)
    private let offsets: Offsets
    private var places: UnsafeMutablePointer<Int>

    /// Freed with the buffer; a Swift array would check and retain on every access.
    private final class Offsets {
        var start: UnsafeMutablePointer<Int>
        var capacity: Int

        init(capacity: Int) {
            start = .allocate(capacity: capacity)
            self.capacity = capacity
        }

        deinit { start.deallocate() }

        func reserve(_ count: Int) {
            guard count > capacity else { return }
            start.deallocate()
            start = .allocate(capacity: count)
            capacity = count
        }
    }

    init() {
        offsets = Offsets(capacity: 128)
        places = offsets.start
    }

    mutating func begin(columns: Int) {
        buffer.removeAll()
        offsets.reserve(columns + 1)
        places = offsets.start
    }

    /// Notes that column `column` begins here. Call it with the number of columns at the end.
    @inline(__always)
    mutating func mark(_ column: Int) { places[column] = buffer.count }

    /// Marks all columns of an image that was appended whole.
    @inline(__always)
    mutating func markAll(_ columns: Int) {
        var place = 0
        for column in 0..<columns {
            places[column] = place
            place = RowCodec.end(of: buffer.start, at: place)
        }
        places[columns] = place
    }

    /// Takes an image whole.
    mutating func load(_ image: [UInt8], columns: Int) {
        begin(columns: columns)
        buffer.append(contentsOf: image)
        markAll(columns)
    }

    /// Appends neighbouring columns of another image, and marks them.
    @inline(__always)
    mutating func append(_ range: Range<Int>, of other: RowBuffer) {
        let low = other.places[range.lowerBound]
        let shift = buffer.count - low
        for column in range { places[column] = other.places[column] + shift }
        buffer.append(other.buffer.start + low, count: other.places[range.upperBound] - low)
    }

    @inline(__always)
    func column(_ column: Int) -> UnsafeRawBufferPointer {
        let low = places[column]
        return UnsafeRawBufferPointer(start: buffer.start + low, count: places[column + 1] - low)
    }
}

/// The images of a row that changes.
struct RowImages {
    var old = RowBuffer()
    var new = RowBuffer()
    var scratch = ByteBuffer()

    /// Gives back the memory that large values took.
    mutating func release() {
        old.buffer.release()
        new.buffer.release()
        scratch.release()
    }

    /// Takes columns over from the old image.
    @inline(__always)
    mutating func copyColumns(_ range: Range<Int>) {
        if !range.isEmpty { new.append(range, of: old) }
    }

    /// True when a column has the same value in both images.
    @inline(__always)
    func isEqual(_ column: Int) -> Bool {
        let left = old.column(column)
        let right = new.column(column)
        guard left.count == right.count, let x = left.baseAddress, let y = right.baseAddress else { return false }
        if memcmp(x, y, left.count) == 0 { return true }
        // Equal values may be kept in two places.
        return left.count == KeptValue.size && left[0] == RowCodec.Tag.kept && memcmp(x, y, KeptValue.identity) == 0
    }
}
