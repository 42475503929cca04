/// What the batch of an approved plan may not touch: its digest before the first step, and again before the end.
public struct IsolationReport: Hashable, Sendable {
    public struct Part: Hashable, Sendable {
        public enum Kind: Hashable, Sendable {
            /// The rows of all other tenants in a table that the plan changes.
            case otherTenants(table: String)
            /// Protected data in such a table that the plan leaves alone: a column, `payments.amount_cents`, or a table.
            case protected(String)
            /// The tables that the plan does not change.
            case otherTables(Int)
        }

        public let kind: Kind
        public let before: Digest
        /// Nil until it was looked at again.
        public var after: Digest?

        public init(kind: Kind, before: Digest, after: Digest? = nil) {
            self.kind = kind
            self.before = before
            self.after = after
        }

        public var words: String {
            switch kind {
            case .otherTenants(let table): "rows of other tenants in \(table)"
            case .protected(let name): "protected \(name)"
            case .otherTables(let count): "\(count) other \(count == 1 ? "table" : "tables")"
            }
        }

        var json: JSONValue {
            [
                "what": .string(words), "before": .string("\(before)"),
                "after": JSONValue(after.map { "\($0)" }),
            ]
        }
    }

    public var parts: [Part]

    public init(parts: [Part]) { self.parts = parts }

    /// All of it was looked at twice, and is the same.
    public var isKept: Bool { parts.allSatisfy { $0.before == $0.after } }

    public var json: JSONValue {
        ["ok": .bool(isKept), "checked": .array(parts.map(\.json))]
    }

    public var words: String {
        let names = parts.map(\.words).joined(separator: ", ")
        return parts.isEmpty ? "there is nothing beside what the plan changes" : "the same before and after: \(names)"
    }
}
