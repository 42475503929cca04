/// A set of keys that facts are about: the rows of a table, or the values of one of its unique keys.
struct Relation: Hashable {
    enum Kind: String {
        case rows, unique
        /// The definition of a table: its one key stands for all that depends on the layout.
        case definition
        /// A set of columns of a table that statements read, or that updates wrote: its one key stands for all of them.
        case columns
    }

    let kind: Kind
    let table: String
    /// Column names of the unique key in lower case, joined by commas; empty for `rows`.
    let columns: String

    static func rows(_ table: String) -> Relation { Relation(kind: .rows, table: table, columns: "") }
    static func definition(of object: SchemaObject) -> Relation {
        .definition(object.type == "table" ? object.name : "\(object.type) \(object.name)")
    }
    /// - Parameter names: empty for the rows as such, e.g. how many there are; nil for all columns.
    static func columns(_ table: String, _ names: Set<String>?) -> Relation {
        Relation(kind: .columns, table: table, columns: names.map { $0.sorted().joined(separator: ",") } ?? "*")
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
    /// Columns were read. Noted with the first checkpoint of a run of the batch that did.
    case read = 6
    /// Columns were updated. Noted likewise; rows added and removed touch all columns anyway.
    case written = 7
}
