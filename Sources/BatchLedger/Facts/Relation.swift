/// A set of keys that facts are about: the rows of a table, or the values of one of its unique keys.
struct Relation: Hashable {
    enum Kind: String {
        case rows, unique
        /// The definition of a table: its one key stands for all that depends on the layout.
        case definition
    }

    let kind: Kind
    let table: String
    /// Column names of the unique key in lower case, joined by commas; empty for `rows`.
    let columns: String

    static func rows(_ table: String) -> Relation { Relation(kind: .rows, table: table, columns: "") }
    static func definition(of object: SchemaObject) -> Relation {
        .definition(object.type == "table" ? object.name : "\(object.type) \(object.name)")
    }
    static func definition(_ table: String) -> Relation { Relation(kind: .definition, table: table, columns: "") }
}

/// What a checkpoint did with the keys of a relation.
enum FactSide: Int64, CaseIterable {
    case added = 0
    case changed = 1
    case removed = 2
    /// A row now refers to the key through a foreign key.
    case referenced = 3
    /// A row that referred to the key does no longer.
    case released = 4
    /// A row was updated with the values that it had: nothing to undo, but it would not be so without them.
    case confirmed = 5
}
