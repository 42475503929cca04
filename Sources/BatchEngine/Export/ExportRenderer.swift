internal import BatchCore

/// Turns rows into the bytes of one format. State is at most that of one row.
protocol ExportRenderer {
    /// What stands before the first row.
    mutating func begin(into output: inout [UInt8])
    mutating func row(_ values: [SQLValue], into output: inout [UInt8])
    /// What stands after the last row.
    mutating func end(into output: inout [UInt8])
}

extension ExportFormat {
    /// - Parameter title: shown by formats that have a place for it.
    func renderer(columns: [String], title: String) -> any ExportRenderer {
        switch self {
        case .csv: CSVRenderer(columns: columns)
        case .json: JSONRenderer(columns: columns)
        case .jsonLines: JSONLinesRenderer(columns: columns)
        case .html: HTMLRenderer(columns: columns, title: title)
        }
    }
}

/// Values as text for people: what CSV and HTML show.
enum ExportText {
    /// UTF-8, with U+FFFD for what is not Unicode and for control characters other than tab and line ends; nil for NULL.
    static func bytes(_ value: SQLValue) -> [UInt8]? {
        switch value {
        case .null: nil
        case .integer(let number): Array(String(number).utf8)
        case .real(let number): Array(real(number).utf8)
        case .text(let bytes): clean(bytes)
        case .text16(let bytes): clean(Array(String(decoding: SQLValue.utf16Units(bytes), as: UTF16.self).utf8))
        case .blob(let bytes): Array("x'\(Hex.string(bytes))'".utf8)
        }
    }

    static func real(_ number: Double) -> String {
        number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : "\(number)"
    }

    private static let replacement = Array("\u{FFFD}".utf8)

    private static func isHarmful(_ byte: UInt8) -> Bool {
        (byte < 32 && byte != 9 && byte != 10 && byte != 13) || byte == 127
    }

    private static func clean(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.allSatisfy({ $0 < 128 && !isHarmful($0) }) { return bytes }
        var cleaned: [UInt8] = []
        cleaned.reserveCapacity(bytes.count)
        for byte in String(decoding: bytes, as: UTF8.self).utf8 {
            if isHarmful(byte) { cleaned.append(contentsOf: replacement) } else { cleaned.append(byte) }
        }
        return cleaned
    }
}

/// RFC 4180, UTF-8, safe to open in a spreadsheet. NULL is an empty field, an empty text is `""`.
struct CSVRenderer: ExportRenderer {
    let columns: [String]

    mutating func begin(into output: inout [UInt8]) {
        // Always quoted: a file that begins with the letters ID is taken for another format by spreadsheets.
        line(columns, into: &output) { column, output in
            let name = ExportText.bytes(.string(column)) ?? []
            CSVRenderer.quote(FormulaGuard.neutralised(name), into: &output)
        }
    }

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        line(values, into: &output, write: CSVRenderer.write)
    }

    mutating func end(into output: inout [UInt8]) {}

    private func line<Value>(
        _ values: [Value], into output: inout [UInt8], write: (Value, inout [UInt8]) -> Void
    ) {
        var isFirst = true
        for value in values {
            if !isFirst { output.append(UInt8(ascii: ",")) }
            isFirst = false
            write(value, &output)
        }
        output.append(13)
        output.append(10)
    }

    private static func write(_ value: SQLValue, into output: inout [UInt8]) {
        guard let bytes = ExportText.bytes(value) else { return }
        switch value {
        case .integer: output.append(contentsOf: bytes)
        case .real(let number) where number.isFinite: output.append(contentsOf: bytes)
        default:
            let safe = FormulaGuard.neutralised(bytes)
            if needsQuotes(safe) { quote(safe, into: &output) } else { output.append(contentsOf: safe) }
        }
    }

    private static func needsQuotes(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, let last = bytes.last, first > 32, last > 32 else { return true }
        return bytes.contains { byte in
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"), 9, 10, 13: true
            default: false
            }
        }
    }

    private static func quote(_ bytes: [UInt8], into output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in bytes {
            if byte == UInt8(ascii: "\"") { output.append(byte) }
            output.append(byte)
        }
        output.append(UInt8(ascii: "\""))
    }
}

/// An array of objects, one row a line. Lossless: what plain JSON cannot carry is an object with one key that names
/// the type: `{"blob":"hex"}`, `{"text":"hex"}` for text that is not UTF-8, `{"text16":"hex"}` for text that is not
/// UTF-16 (little-endian bytes), `{"real":"Infinity"}`.
struct JSONRenderer: ExportRenderer {
    /// Each column's name as a JSON string with its colon, written once.
    private let keys: [[UInt8]]
    private var isFirst = true

    init(columns: [String]) {
        keys = JSONRenderer.distinct(columns).map { Array((JSONWriter.text(.string($0)) + ":").utf8) }
    }

    mutating func begin(into output: inout [UInt8]) { output.append(UInt8(ascii: "[")) }

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        output.append(contentsOf: isFirst ? "\n{".utf8 : ",\n{".utf8)
        isFirst = false
        for (index, (key, value)) in zip(keys, values).enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: key)
            output.append(contentsOf: JSONWriter.text(JSONRenderer.document(value)).utf8)
        }
        output.append(UInt8(ascii: "}"))
    }

    mutating func end(into output: inout [UInt8]) { output.append(contentsOf: "\n]\n".utf8) }

    static func document(_ value: SQLValue) -> JSONValue {
        switch value {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): number.isFinite ? .number(number) : tagged("real", ExportText.real(number))
        case .text(let bytes):
            String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? tagged("text", Hex.string(bytes))
        case .text16(let bytes):
            bytes.count.isMultiple(of: 2)
                ? String(validating: SQLValue.utf16Units(bytes), as: UTF16.self).map(JSONValue.string)
                    ?? tagged("text16", Hex.string(bytes))
                : tagged("text16", Hex.string(bytes))
        case .blob(let bytes): tagged("blob", Hex.string(bytes))
        }
    }

    private static func tagged(_ type: String, _ text: String) -> JSONValue { .object([.init(type, .string(text))]) }

    /// Two columns of one name would be one key: the later ones get a number.
    static func distinct(_ columns: [String]) -> [String] {
        var taken: Set<String> = []
        return columns.map { column in
            var name = column
            var number = 2
            while (name != column && columns.contains(name)) || !taken.insert(name).inserted {
                name = "\(column)_\(number)"
                number += 1
            }
            return name
        }
    }
}

/// One object a line, lossless as `JSONRenderer`.
struct JSONLinesRenderer: ExportRenderer {
    private let columns: [String]

    init(columns: [String]) { self.columns = JSONRenderer.distinct(columns) }

    mutating func begin(into output: inout [UInt8]) {}

    mutating func row(_ values: [SQLValue], into output: inout [UInt8]) {
        let members = zip(columns, values).map { JSONValue.Member($0, JSONRenderer.document($1)) }
        output.append(contentsOf: JSONWriter.text(.object(members)).utf8)
        output.append(10)
    }

    mutating func end(into output: inout [UInt8]) {}
}
