/// One statement, or a few that belong together, in parts that a failing history may turn out not to need.
struct SQLPiece: Hashable, Sendable {
    enum Form: Sendable {
        /// `head(columns) VALUES(texts)tail`
        case insert
        /// `head SET column = text, …tail`
        case update
        /// `head(texts)tail`
        case create
        /// `head`
        case plain
    }

    struct Part: Hashable, Sendable {
        /// Quoted; nil for a part of all columns, such as a table constraint.
        let column: String?
        let text: String
    }

    let form: Form
    /// Quoted; empty when the piece belongs to no table alone.
    let table: String
    let head: String
    var parts: [Part]
    var tail: String

    init(_ form: Form, _ table: String, _ head: String, _ parts: [Part] = [], tail: String = "") {
        self.form = form
        self.table = table
        self.head = head
        self.parts = parts
        self.tail = tail
    }

    static func plain(_ sql: String, on table: String = "") -> SQLPiece { SQLPiece(.plain, table, sql) }

    var sql: String {
        let texts = parts.map(\.text).joined(separator: ", ")
        switch form {
        case .insert:
            return "\(head)(\(parts.compactMap(\.column).joined(separator: ", "))) VALUES(\(texts))\(tail)"
        case .update:
            let settings = parts.map { "\($0.column ?? "") = \($0.text)" }
            return "\(head) SET \(settings.joined(separator: ", "))\(tail)"
        case .create: return "\(head)(\(texts))\(tail)"
        case .plain: return head
        }
    }

    /// Nil when nothing would be left of it.
    func without(column: String, of table: String) -> SQLPiece? {
        guard self.table == table, parts.contains(where: { $0.column == column }) else { return self }
        var less = self
        less.parts.removeAll { $0.column == column }
        return less.parts.isEmpty ? nil : less
    }
}
