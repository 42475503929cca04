/// Where the ledger of a database stands, and what the database holds: a plan is good for this state alone.
public struct LedgerHead: Hashable, Sendable {
    /// A name that the database keeps for life.
    public let database: String
    /// The last batch, by its place in the order; 0 for none.
    public let batch: Int64
    public let checkpoint: Int64
    public let schema: Digest
    /// Digest of each table that is not empty.
    public let tables: [String: Digest]

    public init(database: String, batch: Int64, checkpoint: Int64, schema: Digest, tables: [String: Digest]) {
        self.database = database
        self.batch = batch
        self.checkpoint = checkpoint
        self.schema = schema
        self.tables = tables
    }

    /// In words what has moved from this head to `now` outside any batch.
    public func driftWords(to now: LedgerHead) -> [String] {
        var words = now.schema == schema ? [] : ["the schema changed"]
        let names = Set(tables.keys).union(now.tables.keys).filter { tables[$0] != now.tables[$0] }.sorted()
        if !names.isEmpty { words.append("rows changed in \(names.joined(separator: ", "))") }
        return words
    }

    public var json: JSONValue {
        [
            "database": .string(database), "batch": .integer(batch), "checkpoint": .integer(checkpoint),
            "schema": .string(schema.description),
            "tables": .object(
                tables.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value.description)) }),
        ]
    }

    /// Nil when it is no head.
    public init?(json: JSONValue) {
        guard let database = json["database"]?.string, let batch = json["batch"]?.integer,
            let checkpoint = json["checkpoint"]?.integer,
            let schema = json["schema"]?.string.flatMap(Digest.init(hex:)),
            let members = json["tables"]?.members
        else { return nil }
        var tables: [String: Digest] = [:]
        for member in members {
            guard let digest = member.value.string.flatMap(Digest.init(hex:)) else { return nil }
            tables[member.key] = digest
        }
        self.init(database: database, batch: batch, checkpoint: checkpoint, schema: schema, tables: tables)
    }
}
