/// Keeps a spreadsheet from running text as a formula, by an apostrophe in front of it.
///
/// Not only the start of a cell counts: a program that splits at another separator, or takes no notice of quotes, begins
/// a new cell inside of ours. So each piece after a separator or a line end is looked at as well.
enum FormulaGuard {
    private static let apostrophe = UInt8(ascii: "'")

    /// - Parameter bytes: valid UTF-8.
    static func neutralised(_ bytes: [UInt8]) -> [UInt8] {
        // Almost every cell ends here.
        guard bytes.contains(where: { isSuspicious($0) }) else { return bytes }
        var safe: [UInt8] = []
        safe.reserveCapacity(bytes.count + 4)
        var start = 0
        while start <= bytes.count {
            let end = bytes[start...].firstIndex(where: isSeparator) ?? bytes.count
            let beginsWithControl = start == 0 && (bytes.first.map { $0 == 9 || $0 == 10 || $0 == 13 } ?? false)
            if beginsWithControl || isFormula(bytes[start..<end]) { safe.append(apostrophe) }
            safe.append(contentsOf: bytes[start..<min(end + 1, bytes.count)])
            start = end + 1
        }
        return safe
    }

    /// A byte that a formula begins with, or the first byte of the full-width forms, or a control character.
    private static func isSuspicious(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 0xEF, 9, 10, 13: true
        default: false
        }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"), 9, 10, 13: true
        default: false
        }
    }

    private static func isFormula(_ piece: ArraySlice<UInt8>) -> Bool {
        for scalar in String(decoding: piece, as: UTF8.self).unicodeScalars {
            if isSkipped(scalar) { continue }
            switch scalar {
            case "=", "@", "\u{FF1D}", "\u{FF0B}", "\u{FF0D}", "\u{FF20}", "\u{FE62}", "\u{FE63}", "\u{FE66}",
                "\u{FE6B}":
                return true
            case "+", "-": return !isPlainNumber(piece)
            default: return false
            }
        }
        return false
    }

    /// Spaces, invisible characters and quotes: programs trim them before they look.
    private static func isSkipped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\"", "\u{201C}", "\u{201D}", "\u{201E}", "\u{FF02}", "\u{FFFD}": true
        default:
            switch scalar.properties.generalCategory {
            case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control, .format: true
            default: false
            }
        }
    }

    /// Sign, digits, fraction, exponent; spaces around it do not matter.
    private static func isPlainNumber(_ piece: ArraySlice<UInt8>) -> Bool {
        var rest = piece.drop { $0 == 32 }
        while rest.last == 32 { rest.removeLast() }
        if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        var digits = takeDigits(&rest)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            digits += takeDigits(&rest)
        }
        guard digits > 0 else { return false }
        if let mark = rest.first, mark | 32 == UInt8(ascii: "e") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            guard takeDigits(&rest) > 0 else { return false }
        }
        return rest.isEmpty
    }

    private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> Int {
        let before = rest.count
        rest = rest.drop { $0 >= 48 && $0 <= 57 }
        return before - rest.count
    }
}
