internal import BatchSystem

/// How a picture has to be turned to be seen as its camera, or scanner, means it.
struct CameraRotation {
    /// Clockwise, after it is mirrored.
    let degrees: Int
    let isMirrored: Bool

    /// - Parameter orientation: 1 to 8, as TIFF and EXIF number them; all else is upright.
    init(_ orientation: Int) {
        isMirrored = [2, 4, 5, 7].contains(orientation)
        degrees =
            switch orientation {
            case 3, 4: 180
            case 6, 7: 90
            case 5, 8: 270
            default: 0
            }
    }
}

/// The orientation tag of image files, wherever their kind has it; 0 where there is none.
enum ImageOrientation {
    private static let tag = 0x0112
    /// More than any file has that a person made.
    private static let mostParts = 100_000
    private static let mostEXIF = 1 << 16

    /// Of EXIF in a JPEG, PNG or WebP.
    static func of(_ path: String) -> Int {
        guard let file = try? File(reading: path), let start = try? file.read(12), start.count == 12 else { return 0 }
        if start.starts(with: [0xFF, 0xD8]) { return jpeg(file) }
        if start.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return png(file) }
        if start.starts(with: Array("RIFF".utf8)), start[8...].elementsEqual("WEBP".utf8) { return webp(file) }
        return 0
    }

    /// Of each frame of a TIFF.
    static func frames(of path: String) -> [Int] {
        guard let file = try? File(reading: path), let start = try? file.read(8), start.count == 8 else { return [] }
        let isLittle = start[0] == 0x49
        var (place, seen, found) = (number(start[4..<8], isLittle), Set<Int>(), [Int]())
        while place != 0, found.count < mostParts, seen.insert(place).inserted,
            let count = (try? file.read(2, at: place)).map({ number($0[...], isLittle) }),
            let bytes = try? file.read(count * 12 + 4, at: place + 2)
        {
            found.append(value(in: bytes[..<(count * 12)], isLittle))
            place = number(bytes[(count * 12)...], isLittle)
        }
        return found
    }

    // MARK: Where EXIF is

    private static func jpeg(_ file: borrowing File) -> Int {
        var place = 2
        for _ in 0..<mostParts {
            guard let head = try? file.read(10, at: place), head[0] == 0xFF, head[1] != 0xDA, head[1] != 0xD9 else {
                return 0
            }
            // A marker may have any number of these before it.
            if head[1] == 0xFF {
                place += 1
                continue
            }
            let length = number(head[2..<4], false)
            if head[1] == 0xE1, head[4..<8].elementsEqual("Exif".utf8) { return exif(file, place + 4, length - 2) }
            place += 2 + length
        }
        return 0
    }

    /// It may stand behind the pixels. A chunk has its length, its name, its bytes and a checksum.
    private static func png(_ file: borrowing File) -> Int {
        chunk(of: file, from: 8) { head in
            let length = number(head[..<4], false)
            return (head[4...].elementsEqual("eXIf".utf8), length, next: 12 + length)
        }
    }

    /// A chunk has its name, its length, and its bytes, of which there are an even number.
    private static func webp(_ file: borrowing File) -> Int {
        chunk(of: file, from: 12) { head in
            let length = number(head[4...], true)
            return (head[..<4].elementsEqual("EXIF".utf8), length, next: 8 + length + length % 2)
        }
    }

    /// - Parameter read: what the first eight bytes of a chunk say, and how far it is from there to the next one.
    private static func chunk(
        of file: borrowing File, from start: Int, _ read: ([UInt8]) -> (isEXIF: Bool, length: Int, next: Int)
    ) -> Int {
        var place = start
        for _ in 0..<mostParts {
            guard let head = try? file.read(8, at: place) else { return 0 }
            let (isEXIF, length, next) = read(head)
            if isEXIF { return exif(file, place + 8, length) }
            place += next
        }
        return 0
    }

    // MARK: What it says

    /// With or without the words with which JPEG begins it.
    private static func exif(_ file: borrowing File, _ place: Int, _ length: Int) -> Int {
        guard length > 14, let bytes = try? file.read(min(length, mostEXIF), at: place) else { return 0 }
        let data = Array(bytes.starts(with: Array("Exif\0\0".utf8)) ? bytes[6...] : bytes[...])
        guard data.count > 8, data[0] == data[1], data[0] == 0x49 || data[0] == 0x4D else { return 0 }
        let isLittle = data[0] == 0x49
        let start = number(data[4..<8], isLittle)
        guard start >= 0, start + 2 <= data.count else { return 0 }
        let entries = data[(start + 2)...].prefix(number(data[start..<(start + 2)], isLittle) * 12)
        return value(in: entries, isLittle)
    }

    /// Entries of 12 bytes: tag, type, count, value.
    private static func value(in entries: ArraySlice<UInt8>, _ isLittle: Bool) -> Int {
        for start in stride(from: entries.startIndex, through: entries.endIndex - 12, by: 12)
        where number(entries[start..<(start + 2)], isLittle) == tag {
            return number(entries[(start + 8)..<(start + 10)], isLittle)
        }
        return 0
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ isLittle: Bool) -> Int {
        isLittle ? bytes.reversed().reduce(0) { $0 << 8 | Int($1) } : bytes.reduce(0) { $0 << 8 | Int($1) }
    }
}
