internal import BatchCore
internal import BatchSystem
internal import CXXHash

/// Long values of changed rows, in a file until they are in the undo log: images of rows say just where they are.
///
/// While SQLite calls the hook for an UPDATE it has such a value up to three times in memory already.
final class KeptValues {
    /// Values of this length or more are kept here, in bytes.
    static let long = 1 << 20

    /// Nil while there are none.
    private(set) var file: KeptFile?
    private let folder: String
    private var end = 0
    /// Bytes that were added since somebody looked; he sets it back.
    var fresh = 0

    init(folder: String) { self.folder = folder }

    /// Appends to an image where the value is.
    /// - Returns: false when the file cannot be written; the value is not appended then.
    @inline(never)
    func keep(_ tag: UInt8, _ bytes: UnsafeRawBufferPointer, in image: inout ByteBuffer) -> Bool {
        do throws(BatchError) {
            let file: KeptFile
            if let known = self.file { file = known } else { file = try KeptFile(folder: folder) }
            self.file = file
            try file.file.write(bytes, at: end)
        } catch { return false }
        KeptValue(tag: tag, length: bytes.count, offset: end).encode(hash: bytes, into: &image)
        end += bytes.count
        fresh += bytes.count
        return true
    }

    /// All of them are in the undo log, or of no use any more.
    func discard() {
        file = nil
        end = 0
        fresh = 0
    }
}

/// A long value, as the image of a row has it: `RowCodec.Tag.kept`, its own tag, length, hash, and place in the file.
struct KeptValue {
    let tag: UInt8
    let length: Int
    let offset: Int

    /// Bytes of an image.
    static let size = 34
    /// So many of them are equal for equal values: all but the place.
    static let identity = 26

    init(tag: UInt8, length: Int, offset: Int) {
        self.tag = tag
        self.length = length
        self.offset = offset
    }

    /// - Parameter place: where it begins in the image.
    init(_ image: UnsafeRawBufferPointer, at place: Int) throws(BatchError) {
        var reader = ByteReader(image, at: place + 1)
        tag = try reader.byte()
        length = Int(try reader.fixed())
        _ = try reader.fixed()
        _ = try reader.fixed()
        offset = Int(try reader.fixed())
    }

    func encode(hash bytes: UnsafeRawBufferPointer, into image: inout ByteBuffer) {
        let hash = cxxhash_128(bytes.baseAddress, bytes.count)
        image.append(RowCodec.Tag.kept)
        image.append(tag)
        image.appendFixed(UInt64(length))
        image.appendFixed(hash.high64)
        image.appendFixed(hash.low64)
        image.appendFixed(UInt64(offset))
    }
}

/// The file; it has no name, and is gone with its last reader. One thread may append to it while another one reads.
final class KeptFile: Sendable {
    fileprivate let file: File

    fileprivate init(folder: String) throws(BatchError) { file = try File(withoutNameIn: folder) }

    /// Calls `body` with the bytes of a value, in pieces.
    func forEachPiece(
        of value: KeptValue, _ body: (UnsafeRawBufferPointer) throws(BatchError) -> Void
    ) throws(BatchError) {
        let space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { space.deallocate() }
        var done = 0
        while done < value.length {
            let piece = UnsafeMutableRawBufferPointer(rebasing: space[..<min(space.count, value.length - done)])
            guard try file.read(into: piece, at: value.offset + done) == piece.count else {
                throw BatchError(
                    .internalFault, "a value that was set aside cannot be read again", hint: "\(command: "doctor")")
            }
            try body(UnsafeRawBufferPointer(piece))
            done += piece.count
        }
    }

    /// Takes an image apart.
    /// - Parameters:
    ///   - plain: gets the encoded values between those that are kept.
    ///   - kept: gets each of these.
    static func parts(
        of image: UnsafeRawBufferPointer, plain: (UnsafeRawBufferPointer) throws(BatchError) -> Void,
        kept: (KeptValue) throws(BatchError) -> Void
    ) throws(BatchError) {
        guard let base = image.baseAddress else { return }
        var start = 0
        var place = 0
        while place < image.count {
            let end = RowCodec.end(of: base, at: place)
            if image[place] == RowCodec.Tag.kept {
                try plain(UnsafeRawBufferPointer(rebasing: image[start..<place]))
                try kept(try KeptValue(image, at: place))
                start = end
            }
            place = end
        }
        try plain(UnsafeRawBufferPointer(rebasing: image[start...]))
    }

    /// The digest of the row that an image stands for.
    func digest(of image: UnsafeRawBufferPointer) throws(BatchError) -> Digest {
        let hash = XXH3()
        try KeptFile.parts(of: image) { (bytes) throws(BatchError) in
            hash.update(bytes)
        } kept: { (value) throws(BatchError) in
            var head = ByteBuffer()
            head.append(value.tag)
            head.appendVarint(UInt64(value.length))
            hash.update(head.bytes)
            withExtendedLifetime(head) {}
            try forEachPiece(of: value) { (piece) throws(BatchError) in hash.update(piece) }
        }
        return hash.finish()
    }
}
