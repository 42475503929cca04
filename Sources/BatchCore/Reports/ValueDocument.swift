extension SQLValue {
    /// As JSON, without loss: what plain JSON cannot carry becomes an object that names its kind.
    ///
    /// `{"blob":"hex"}`, `{"real":"Inf"}`, and for text that is not valid Unicode `{"text":"hex"}` of its UTF-8 bytes or
    /// `{"text16":"hex"}` of its little-endian UTF-16 bytes.
    public var json: JSONValue {
        switch self {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number) where number.isFinite: .number(number)
        case .real(let number): ["real": .string(number.isNaN ? "NaN" : number > 0 ? "Inf" : "-Inf")]
        case .text(let bytes):
            String(validating: bytes, as: UTF8.self).map(JSONValue.string) ?? ["text": .string(Hex.string(bytes))]
        case .text16(let bytes):
            wholeText16(bytes).map(JSONValue.string) ?? ["text16": .string(Hex.string(bytes))]
        case .blob(let bytes): ["blob": .string(Hex.string(bytes))]
        }
    }

    /// Nil when a surrogate stands alone or a byte is left over.
    private func wholeText16(_ bytes: [UInt8]) -> String? {
        guard bytes.count.isMultiple(of: 2) else { return nil }
        return String(validating: SQLValue.utf16Units(bytes), as: UTF16.self)
    }
}

extension RowKey {
    /// A number for a rowid; a list for the columns of a primary key.
    public var json: JSONValue {
        switch self {
        case .rowid(let number): .integer(number)
        case .values(let values): .array(values.map(\.json))
        }
    }
}
