/// What a history has shown to be wrong.
struct HistoryFault: Error, CustomStringConvertible {
    enum Kind: String {
        /// The rows or the schema are not what the model says.
        case content
        /// The digests that the ledger keeps are not those of the rows.
        case digest
        /// A point restores to something else than what was there, or its copies differ.
        case point
        /// SQLite finds the file damaged.
        case integrity
        /// It worked, and should not have, or the other way round.
        case outcome
        /// A refusal changed something.
        case trace
    }

    let kind: Kind
    /// Tells apart faults of one kind while a history is made smaller.
    let detail: String
    let text: String

    init(_ kind: Kind, _ text: String, detail: String = "") {
        self.kind = kind
        self.text = text
        self.detail = detail
    }

    var description: String { "\(kind.rawValue) \(detail): \(text)" }

    func isLike(_ other: HistoryFault) -> Bool { kind == other.kind && detail == other.detail }
}
