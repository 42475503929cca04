internal import BatchCore
internal import BatchLedger
internal import Glibc

/// Writes rows as lines of canonical text. See docs/restore-points.md for the format.
///
/// What plain JSON cannot carry is tagged: `{"blob":"00ff"}`, `{"text":"c3"}` (text that is not valid UTF-8),
/// `{"text16":"00d8"}` (not valid UTF-16), `{"real":"inf"}`. Long values are files of their own: `{"git":"<id>","blob":5000}`.
struct LineWriter {
    /// Longer BLOBs and texts become git blobs of their own.
    static let longest = 4_096

    private(set) var text = ByteBuffer(capacity: 4_096)
    private let store: (UnsafeRawBufferPointer) throws(BatchError) -> ObjectID

    /// - Parameter store: keeps the bytes of a long value and names them.
    init(store: @escaping (UnsafeRawBufferPointer) throws(BatchError) -> ObjectID) { self.store = store }

    /// The line of a row as `RowReader` encodes it: the rowid, then the stored columns in their own order.
    /// - Parameter wanted: a position among the stored columns whose value is returned too.
    mutating func line(
        ofScanned encoded: UnsafeRawBufferPointer, _ format: LineFormat, value wanted: Int?
    ) throws(BatchError) -> (line: [UInt8], value: SQLValue) {
        text.removeAll()
        var reader = ByteReader(encoded)
        var found = SQLValue.null
        var label = format.labels.makeIterator()
        for position in format.scanned {
            if position == wanted {
                var copy = reader
                found = try copy.value()
            }
            if position == format.rowidColumn {
                _ = try reader.value()
            } else if let label = label.next() {
                append(label)
                try appendValue(&reader)
            }
        }
        append("}\n")
        return (text.array, found)
    }

    /// The line of a row whose values are encoded in the order of the format, the rowid first.
    mutating func line(_ encoded: UnsafeRawBufferPointer, _ format: LineFormat) throws(BatchError) -> [UInt8] {
        text.removeAll()
        var reader = ByteReader(encoded)
        for label in format.labels {
            append(label)
            try appendValue(&reader)
        }
        append("}\n")
        return text.array
    }

    mutating func line(
        _ key: RowKey, _ values: [SQLValue], _ format: LineFormat
    ) throws(BatchError) -> [UInt8] {
        text.removeAll()
        var encoded = ByteBuffer()
        var labels = format.labels[...]
        if format.hasRowid, case .rowid(let rowid) = key, let label = labels.popFirst() {
            append(label)
            append(integer: rowid)
        }
        for (label, position) in zip(labels, format.order) {
            append(label)
            // A long value is not encoded first: that would be a copy.
            switch values[position] {
            case .text(let bytes) where bytes.count >= LineWriter.longest: try append(stored: bytes, "text")
            case .text16(let bytes) where bytes.count >= LineWriter.longest: try append(stored: bytes, "text16")
            case .blob(let bytes) where bytes.count >= LineWriter.longest: try append(stored: bytes, "blob")
            case let value:
                encoded.removeAll()
                RowCodec.encode(value, into: &encoded)
                var reader = ByteReader(encoded.bytes)
                try appendValue(&reader)
            }
        }
        withExtendedLifetime(encoded) {}
        append("}\n")
        return text.array
    }

    private mutating func append(stored bytes: [UInt8], _ kind: String) throws(BatchError) {
        // A typed error does not pass through `withUnsafeBytes`.
        let id = try bytes.withUnsafeBytes { bytes in Result { () throws(BatchError) in try store(bytes) } }.get()
        append(reference: id, bytes.count, kind)
    }

    /// How the line of a row with this key begins, without the character after the last key value.
    mutating func prefix(of key: RowKey, _ format: LineFormat) throws(BatchError) -> [UInt8] {
        text.removeAll()
        var encoded = ByteBuffer()
        switch key {
        // A rowid names its row by itself.
        case .rowid: return []
        case .values(let values): RowCodec.encode(values, into: &encoded)
        }
        var reader = ByteReader(encoded.bytes)
        for label in format.labels where !reader.isAtEnd {
            append(label)
            try appendValue(&reader)
        }
        return text.array
    }

    // MARK: Values

    private mutating func appendValue(_ reader: inout ByteReader) throws(BatchError) {
        // The tags of RowCodec, in its order.
        switch try reader.byte() {
        case 0: append("null")
        case 1: append(integer: try reader.signed())
        case 2: append(real: Double(bitPattern: try reader.fixed()))
        case 3: try append(text: try reader.slice(try reader.count()))
        case 4: try append(text16: try reader.slice(try reader.count()))
        default: try append(blob: try reader.slice(try reader.count()))
        }
    }

    private mutating func append(_ bytes: [UInt8]) { text.append(contentsOf: bytes) }

    private mutating func append(_ string: StaticString) {
        text.append(string.utf8Start, count: string.utf8CodeUnitCount)
    }

    private mutating func append(integer value: Int64) {
        var magnitude = value.magnitude
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(truncatingIfNeeded: magnitude % 10) + 48
                magnitude /= 10
            } while magnitude > 0
            if value < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            if let base = digits.baseAddress { text.append(base + start, count: 20 - start) }
        }
    }

    /// The shortest digits that read back as the same bits; never without a point or an exponent.
    private mutating func append(real value: Double) {
        if value.isFinite {
            append(Array(value.description.utf8))
        } else {
            append(value < 0 ? "{\"real\":\"-inf\"}" : "{\"real\":\"inf\"}")
        }
    }

    private mutating func append(text bytes: UnsafeRawBufferPointer) throws(BatchError) {
        if bytes.count >= LineWriter.longest { return try append(stored: bytes, "text") }
        if JSONText.isPlain(bytes) {
            append("\"")
            if let base = bytes.baseAddress { text.append(base, count: bytes.count) }
            append("\"")
        } else if JSONText.isValidUTF8(bytes) {
            JSONText.appendEscaped(bytes, to: &text)
        } else {
            append(hex: bytes, "{\"text\":\"")
        }
    }

    private mutating func append(text16 bytes: UnsafeRawBufferPointer) throws(BatchError) {
        if bytes.count >= LineWriter.longest { return try append(stored: bytes, "text16") }
        guard let utf8 = JSONText.utf8(fromUTF16: bytes) else { return append(hex: bytes, "{\"text16\":\"") }
        utf8.withUnsafeBytes { JSONText.appendEscaped($0, to: &text) }
    }

    private mutating func append(blob bytes: UnsafeRawBufferPointer) throws(BatchError) {
        if bytes.count >= LineWriter.longest { return try append(stored: bytes, "blob") }
        append(hex: bytes, "{\"blob\":\"")
    }

    private mutating func append(hex bytes: UnsafeRawBufferPointer, _ opening: StaticString) {
        append(opening)
        append(Array(Hex.string(bytes).utf8))
        append("\"}")
    }

    private mutating func append(stored bytes: UnsafeRawBufferPointer, _ kind: String) throws(BatchError) {
        append(reference: try store(bytes), bytes.count, kind)
    }

    private mutating func append(reference id: ObjectID, _ count: Int, _ kind: String) {
        append(Array("{\"git\":\"\(id)\",\"\(kind)\":\(count)}".utf8))
    }
}

/// JSON strings as bytes: no `String` is made for a value.
enum JSONText {
    /// ASCII that needs no escape: most texts.
    static func isPlain(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where byte < 32 || byte > 126 || byte == 34 || byte == 92 { return false }
        return true
    }

    static func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }

    /// Nil when a surrogate stands alone or a byte is left over: such text has no UTF-8 form.
    static func utf8(fromUTF16 bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        guard bytes.count.isMultiple(of: 2) else { return nil }
        var decoder = UTF16()
        var units = stride(from: 0, to: bytes.count, by: 2)
            .lazy.map { UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8 }.makeIterator()
        var utf8: [UInt8] = []
        while true {
            switch decoder.decode(&units) {
            case .scalarValue(let scalar):
                utf8.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            case .emptyInput: return utf8
            case .error: return nil
            }
        }
    }

    /// - Parameter bytes: valid UTF-8.
    static func appendEscaped(_ bytes: UnsafeRawBufferPointer, to text: inout ByteBuffer) {
        text.append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): appendEscape("\"", to: &text)
            case UInt8(ascii: "\\"): appendEscape("\\", to: &text)
            case 10: appendEscape("n", to: &text)
            case 13: appendEscape("r", to: &text)
            case 9: appendEscape("t", to: &text)
            case 0..<32, 127: text.append(contentsOf: Array("\\u00".utf8) + Array(Hex.string([byte]).utf8))
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(_ letter: Unicode.Scalar, to text: inout ByteBuffer) {
        text.append(UInt8(ascii: "\\"))
        text.append(UInt8(ascii: letter))
    }
}
