internal import BatchCore
internal import Glibc

/// Reads lines that `LineWriter` wrote. Every byte is checked: the text may come from a damaged or edited repository.
struct LineReader {
    private let line: UnsafeBufferPointer<UInt8>
    private var position = 0
    private let isUTF16: Bool
    private let load: (ObjectID) throws(BatchError) -> [UInt8]

    /// - Parameters:
    ///   - isUTF16: plain strings are values of a UTF-16 database.
    ///   - load: fetches the bytes of a long value.
    init(
        _ line: UnsafeBufferPointer<UInt8>, isUTF16: Bool, load: @escaping (ObjectID) throws(BatchError) -> [UInt8]
    ) {
        self.line = line
        self.isUTF16 = isUTF16
        self.load = load
    }

    /// The rowid, when the format has one, and the first `count` values after it (all by default).
    mutating func row(
        _ format: LineFormat, count: Int? = nil
    ) throws(BatchError) -> (rowid: Int64?, values: [SQLValue]) {
        var rowid: Int64?
        var values: [SQLValue] = []
        let wanted = (count ?? format.order.count) + (format.hasRowid ? 1 : 0)
        if wanted > 1 { values.reserveCapacity(wanted) }
        for (place, label) in format.labels.prefix(wanted).enumerated() {
            try expect(label)
            if place == 0 && format.hasRowid {
                rowid = try number().integer
            } else {
                values.append(try value())
            }
        }
        if wanted == format.labels.count { try expect(Array(format.labels.isEmpty ? "{}".utf8 : "}".utf8)) }
        if format.hasRowid && rowid == nil { throw damaged }
        return (rowid, values)
    }

    private var damaged: BatchError {
        BatchError(
            .corruptRecord, "a row in git is damaged near byte \(position) of its line",
            hint: "check the repository: \(command: "verify")")
    }

    private mutating func expect(_ bytes: [UInt8]) throws(BatchError) {
        guard position + bytes.count <= line.count else { throw damaged }
        for (offset, byte) in bytes.enumerated() where line[position + offset] != byte { throw damaged }
        position += bytes.count
    }

    private func peek() throws(BatchError) -> UInt8 {
        guard position < line.count else { throw damaged }
        return line[position]
    }

    private mutating func value() throws(BatchError) -> SQLValue {
        switch try peek() {
        case UInt8(ascii: "n"):
            try expect(Array("null".utf8))
            return .null
        case UInt8(ascii: "\""):
            let bytes = try string()
            return isUTF16 ? .text16(LineReader.utf16(bytes)) : .text(bytes)
        case UInt8(ascii: "{"): return try tagged()
        default: return try number()
        }
    }

    private mutating func number() throws(BatchError) -> SQLValue {
        let start = position
        var isReal = false
        while position < line.count, line[position] != UInt8(ascii: ","), line[position] != UInt8(ascii: "}") {
            let byte = line[position]
            if byte == UInt8(ascii: ".") || byte | 32 == UInt8(ascii: "e") { isReal = true }
            position += 1
        }
        if !isReal, let value = integer(start..<position) { return .integer(value) }
        let text = String(decoding: line[start..<position], as: UTF8.self)
        guard isReal, let value = Double(text), value.isFinite else { throw damaged }
        return .real(value)
    }

    /// Counts below zero, where the range is one larger.
    private func integer(_ range: Range<Int>) -> Int64? {
        guard let first = range.first else { return nil }
        let isNegative = line[first] == UInt8(ascii: "-")
        let digits = isNegative ? range.dropFirst() : range
        if digits.isEmpty { return nil }
        var value: Int64 = 0
        for index in digits {
            let digit = Int64(line[index]) - 48
            guard digit >= 0 && digit <= 9 else { return nil }
            let (tens, high) = value.multipliedReportingOverflow(by: 10)
            let (sum, low) = tens.subtractingReportingOverflow(digit)
            if high || low { return nil }
            value = sum
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// The bytes of a JSON string, escapes resolved.
    private mutating func string() throws(BatchError) -> [UInt8] {
        try expect([UInt8(ascii: "\"")])
        var bytes: [UInt8] = []
        while true {
            let start = position
            while position < line.count, line[position] != UInt8(ascii: "\""), line[position] != UInt8(ascii: "\\") {
                position += 1
            }
            bytes.append(contentsOf: line[start..<position])
            let stop = try peek()
            position += 1
            if stop == UInt8(ascii: "\"") { return bytes }
            bytes.append(try escaped())
        }
    }

    /// Only characters below 128 are ever escaped.
    private mutating func escaped() throws(BatchError) -> UInt8 {
        let letter = try peek()
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return letter
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "u"):
            guard position + 4 <= line.count,
                let bytes = Hex.bytes(String(decoding: line[position..<position + 4], as: UTF8.self)), bytes[0] == 0
            else { throw damaged }
            position += 4
            return bytes[1]
        default: throw damaged
        }
    }

    private mutating func tagged() throws(BatchError) -> SQLValue {
        try expect([UInt8(ascii: "{")])
        let tag = String(decoding: try string(), as: UTF8.self)
        try expect([UInt8(ascii: ":")])
        let content = String(decoding: try string(), as: UTF8.self)
        if tag == "git" { return try stored(content) }
        try expect([UInt8(ascii: "}")])
        switch (tag, content) {
        case ("real", "inf"): return .real(.infinity)
        case ("real", "-inf"): return .real(-.infinity)
        default: return try bytes(tag, Hex.bytes(content))
        }
    }

    private func bytes(_ tag: String, _ bytes: [UInt8]?) throws(BatchError) -> SQLValue {
        guard let bytes else { throw damaged }
        switch tag {
        case "blob": return .blob(bytes)
        case "text": return .text(bytes)
        case "text16": return .text16(bytes)
        default: throw damaged
        }
    }

    private mutating func stored(_ hex: String) throws(BatchError) -> SQLValue {
        try expect([UInt8(ascii: ",")])
        let tag = String(decoding: try string(), as: UTF8.self)
        try expect([UInt8(ascii: ":")])
        guard let id = ObjectID(hex: hex), let count = try number().integer else { throw damaged }
        try expect([UInt8(ascii: "}")])
        let bytes = try load(id)
        guard bytes.count == count else { throw damaged }
        return try self.bytes(tag, bytes)
    }

    /// Native byte order, as SQLite hands UTF-16 over.
    private static func utf16(_ utf8: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(utf8.count * 2)
        for unit in String(decoding: utf8, as: UTF8.self).utf16 {
            bytes.append(UInt8(truncatingIfNeeded: unit))
            bytes.append(UInt8(truncatingIfNeeded: unit >> 8))
        }
        return bytes
    }
}
