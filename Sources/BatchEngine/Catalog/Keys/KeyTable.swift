/// The keys of one kind of mapping. Validation, JSON Schema and documentation are all made from such tables.
public final class KeyTable: Sendable {
    /// What the mapping is, as in "a job has no key 'x'".
    public let title: String
    public let keys: [KeyRule]

    public init(_ title: String, _ keys: [KeyRule]) {
        self.title = title
        self.keys = keys
    }
}

extension KeyTable {
    /// Every key below this table, by its path (`steps[].retry.max`), with its meaning: what the documentation tells.
    public var documentation: [(path: String, meaning: String)] { KeyTable.documentation(keys, below: "") }

    private static func documentation(_ keys: [KeyRule], below path: String) -> [(path: String, meaning: String)] {
        keys.flatMap { key in
            [(path + key.name, key.meaning)] + documentation(key.shape, at: path + key.name)
        }
    }

    private static func documentation(_ shape: ValueShape, at path: String) -> [(path: String, meaning: String)] {
        switch shape {
        case .record(let table): return documentation(table.keys, below: path + ".")
        case .list(let element, _): return documentation(element, at: path + "[]")
        case .entries(_, let value): return documentation(value, at: path + ".NAME")
        case .oneOf(let common, let choices, _):
            var seen: Set<String> = []
            let all = common.keys + choices.map(\.key) + choices.flatMap(\.beside)
            return documentation(all.filter { seen.insert($0.name).inserted }, below: path + ".")
        case .text, .choice, .boolean, .integer, .number, .scalar, .argument, .anything: return []
        }
    }
}
