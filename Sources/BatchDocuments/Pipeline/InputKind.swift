internal import BatchCore

/// What a file is, by its first bytes, whatever it is called.
enum InputKind: String, Sendable {
    case image
    case pdf
    case archive

    /// - Parameter bytes: the first 512 and more.
    init?(_ bytes: [UInt8]) {
        func begins(_ text: String, at place: Int = 0) -> Bool { InputKind.has(Array(text.utf8), bytes, place) }
        func begins(_ start: [UInt8], at place: Int = 0) -> Bool { InputKind.has(start, bytes, place) }
        if begins([0xFF, 0xD8, 0xFF]) || begins([0x89, 0x50, 0x4E, 0x47]) || begins("GIF8") || begins("BM")
            || begins([0x49, 0x49, 0x2A, 0]) || begins([0x4D, 0x4D, 0, 0x2A])
            || (begins("RIFF") && begins("WEBP", at: 8)) || begins("jP  ", at: 4) || begins([0xFF, 0x4F, 0xFF, 0x51])
            || InputKind.isPortable(bytes)
        {
            self = .image
        } else if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") || begins("Rar!\u{1A}\u{7}")
            || begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) || begins("ustar", at: 257)
        {
            self = .archive
        } else if InputKind.hasPDFHeader(bytes) {
            self = .pdf
        } else {
            return nil
        }
    }

    private static func has(_ start: [UInt8], _ bytes: [UInt8], _ place: Int) -> Bool {
        bytes.count >= place + start.count && Array(bytes[place..<(place + start.count)]) == start
    }

    /// `P4` to `P6`, then a blank or the end of a line.
    private static func isPortable(_ bytes: [UInt8]) -> Bool {
        bytes.count > 2 && bytes[0] == 0x50 && (0x31...0x36).contains(bytes[1]) && [10, 13, 32].contains(bytes[2])
    }

    /// Readers of PDF look for it in the first kilobyte.
    private static func hasPDFHeader(_ bytes: [UInt8]) -> Bool {
        let mark = Array("%PDF-".utf8)
        guard bytes.count >= mark.count else { return false }
        return (0...min(bytes.count - mark.count, 1_024)).contains { has(mark, bytes, $0) }
    }
}
