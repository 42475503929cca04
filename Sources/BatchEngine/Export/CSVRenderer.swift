internal import BatchCore

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
