/// The font of the text that nobody sees: each character half as wide as it is high, and nothing drawn. It is in each PDF, so
/// that programs that need to embed fonts (PDF/A) find it. Made here, table by table (Apple, "TrueType Reference Manual").
enum InvisibleFont {
    /// A TrueType font with the tables that a CIDFontType2 needs (PDF 32000-1, 9.9): glyph 0, and glyph 1 that all use.
    static let program: [UInt8] = {
        let tables: [(name: String, bytes: [UInt8])] = [
            ("glyf", short([0, 0])), ("head", head), ("hhea", hhea), ("hmtx", short([500, 0, 500, 0])),
            ("loca", short([0, 0, 0])), ("maxp", maxp),
        ]
        var directory = long([0x0001_0000]) + short([tables.count, 64, 2, tables.count * 16 - 64])
        var body: [UInt8] = []
        let start = 12 + tables.count * 16
        for table in tables {
            directory += Array(table.name.utf8) + long([checksum(table.bytes)])
            directory += long([UInt32(start + body.count), UInt32(table.bytes.count)])
            body += padded(table.bytes)
        }
        var font = directory + body
        // The sum of the whole file is in `head`, which is 0 there while it is counted.
        let place = start + padded(tables[0].bytes).count + 8
        font.replaceSubrange(place..<(place + 4), with: long([0xB1B0_AFBA &- checksum(font)]))
        return font
    }()

    /// Each code shows glyph 1.
    static let glyphOfCodes: [UInt8] = (0..<65_536).flatMap { _ in [0, 1] }

    /// 1,000 units are the height of a letter; nothing lies outside the box of half of it.
    private static let head =
        long([0x0001_0000, 0x0001_0000, 0, 0x5F0F_3CF5]) + short([11, 1_000]) + long([0, 0, 0, 0])
        + short([0, 0, 500, 1_000, 0, 8, 2, 0, 0])

    private static let hhea =
        long([0x0001_0000]) + short([1_000, 0, 0, 500, 0, 0, 500, 1, 0, 0, 0, 0, 0, 0, 0, 2])

    private static let maxp = long([0x0001_0000]) + short([2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])

    private static func short(_ values: [Int]) -> [UInt8] {
        values.flatMap { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] }
    }

    private static func long(_ values: [UInt32]) -> [UInt8] {
        values.flatMap { value in [24, 16, 8, 0].map { UInt8(value >> $0 & 255) } }
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: -bytes.count & 3) }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let all = padded(bytes)
        return stride(from: 0, to: all.count, by: 4).reduce(0) { sum, place in
            sum &+ all[place..<(place + 4)].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
