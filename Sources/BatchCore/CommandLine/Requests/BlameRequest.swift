/// `blame`
public struct BlameRequest: Hashable, Sendable {
    public let table: String
    /// As it was typed: one value, or a JSON list for a key of several columns.
    public let key: String

    /// - Throws: `ERR_UX_USAGE`.
    public init(_ arguments: ParsedArguments) throws(BatchError) {
        table = try arguments.required("table")
        key = try arguments.required("key")
    }

    /// The values that are meant, one for each column of the key.
    /// - Throws: `ERR_UX_USAGE` when a list is not one of JSON, or holds what is no key.
    public func values() throws(BatchError) -> [SQLValue] {
        guard key.hasPrefix("[") else { return [BlameRequest.value(key)] }
        guard let list = try? JSONParser.parse(key).array, !list.isEmpty else { throw unreadable }
        var values: [SQLValue] = []
        for element in list {
            switch element {
            case .string(let text): values.append(.string(text))
            case .integer(let number): values.append(.integer(number))
            case .number(let number): values.append(.real(number))
            default:
                guard let bytes = element["blob"]?.string.flatMap(Hex.bytes) else { throw unreadable }
                values.append(.blob(bytes))
            }
        }
        return values
    }

    private var unreadable: BatchError {
        BatchError(
            .usage, "'\(key)' is no key: one value, or a JSON list with one value for each column of the key",
            hint: "for example: \(command: "blame --table lines --key '[7, \"a\"]'")")
    }

    private static func value(_ text: String) -> SQLValue {
        if let number = Int64(text) { return .integer(number) }
        return .string(text)
    }
}
