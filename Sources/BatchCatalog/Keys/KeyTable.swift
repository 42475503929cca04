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
        case .text, .query, .statements, .command, .choice, .boolean, .integer, .number, .scalar, .argument, .anything:
            return []
        }
    }
}

/// A key of a YAML file: what may stand after it, and what it means.
///
/// A class, because a check passes rules around for every key of every file.
public final class KeyRule: Sendable {
    public let name: String
    public let shape: ValueShape
    public let isRequired: Bool
    /// A required key may be missing when this one is there, and then must be.
    public let substitute: String?
    /// A key that must be there as well when this one is.
    public let companion: String?
    /// One line of the documentation.
    public let meaning: String

    public init(
        _ name: String, _ shape: ValueShape, required: Bool = false, unless substitute: String? = nil,
        companion: String? = nil, _ meaning: String
    ) {
        self.name = name
        self.shape = shape
        isRequired = required
        self.substitute = substitute
        self.companion = companion
        self.meaning = meaning
    }
}

/// One of several keys of which exactly one must be there, and what may stand beside it.
public struct KeyChoice: Sendable {
    public let key: KeyRule
    /// The keys beside it that go with this one, of those that not all alternatives share.
    public let beside: [KeyRule]

    public init(_ key: KeyRule, beside: [KeyRule] = []) {
        self.key = key
        self.beside = beside
    }
}

/// What may stand after a key.
public indirect enum ValueShape: Sendable {
    case text(TextRule)
    /// One statement that returns rows.
    case query
    /// One or more statements; beside `for_each` its columns are parameters too.
    case statements
    /// A program and its arguments, with placeholders.
    case command
    case choice([String])
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// Any scalar, also null: what it may be is decided elsewhere.
    case scalar
    /// Any scalar but null, taken as text: an argument of a program may be written as a number.
    case argument
    /// At least one element, unless `mayBeEmpty`.
    case list(ValueShape, mayBeEmpty: Bool)
    case record(KeyTable)
    /// A mapping whose keys are names of the user's choice.
    case entries(TextRule, ValueShape)
    /// A mapping with the common keys and those of exactly one alternative. `open` admits a key that no table knows
    /// as one more alternative, with these keys beside it.
    case oneOf(KeyTable, [KeyChoice], open: [KeyRule]?)
    case anything
}
