public import BatchCore
internal import Glibc

/// A name in a folder that is not UTF-8: no text leads to its file.
public struct RawName: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// As text: a byte that is no part of a character as `%` and two digits.
    public var escaped: String {
        var text = ""
        var place = 0
        while place < bytes.count {
            let length = (1...4).first { length in
                place + length <= bytes.count
                    && String(validating: bytes[place..<(place + length)], as: UTF8.self)?.unicodeScalars.count == 1
            }
            if let length {
                text += String(decoding: bytes[place..<(place + length)], as: UTF8.self)
            } else {
                text += "%" + Hex.string([bytes[place]]).uppercased()
            }
            place += length ?? 1
        }
        return text
    }

    /// Nil when it is gone. Links are not followed.
    public func status(in folder: String) -> FileStatus? {
        path(in: folder).withUnsafeBufferPointer { path in
            path.baseAddress.flatMap { FileStatus(path: $0, followingLinks: false) }
        }
    }

    /// The first bytes of its file; nil when it cannot be read.
    public func beginning(_ count: Int, in folder: String) -> [UInt8]? {
        let descriptor = open(path(in: folder), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            length = (try? SystemCall.read(descriptor, UnsafeMutableRawBufferPointer(buffer))) ?? 0
        }
    }

    /// - Parameter name: a name that is free.
    public func rename(in folder: String, to name: String) throws(BatchError) {
        let (path, target) = (path(in: folder), FilePath.join(folder, name))
        try SystemCall.run(.rename, "rename \(FilePath.join(folder, escaped))", file: target) {
            Glibc.rename(path, target)
        }
        try Folder.sync(folder)
    }

    private func path(in folder: String) -> [CChar] {
        (Array(folder.utf8) + [UInt8(ascii: "/")] + bytes + [0]).map(CChar.init(bitPattern:))
    }
}
