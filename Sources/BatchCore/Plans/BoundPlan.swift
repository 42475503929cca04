/// What a rollback will do, bound to the state of the database that it was made for.
public struct BoundPlan: Hashable, Sendable {
    public let request: RollbackRequest
    public let batch: BatchID
    public let head: LedgerHead
    /// The batches in the order in which they are undone.
    public let order: [BatchID]
    /// Batches that run again, in their order.
    public let replayed: [BatchID]

    public init(
        request: RollbackRequest, batch: BatchID, head: LedgerHead, order: [BatchID], replayed: [BatchID]
    ) {
        self.request = request
        self.batch = batch
        self.head = head
        self.order = order
        self.replayed = replayed
    }

    /// True when another look at the same state came to the same.
    public func agrees(with order: [BatchID], replayed: [BatchID]) -> Bool {
        self.order == order && self.replayed == replayed
    }

    public var members: [JSONValue.Member] {
        func list(_ ids: [BatchID]) -> JSONValue { .array(ids.map { .string($0.description) }) }
        return [
            .init("format_version", 1), .init("kind", .string(BoundPlan.kind)),
            .init("batch", .string(batch.description)), .init("mode", .string(request.mode.rawValue)),
            .init("to", request.checkpoint.map { JSONValue($0) } ?? .null),
            .init("on_conflict", .string(request.onConflict.rawValue)),
            .init("readers", .string(request.readers.rawValue)),
            .init("without_compensation", .bool(request.allowsMissingCompensation)), .init("head", head.json),
            .init("order", list(order)), .init("replayed", list(replayed)),
        ]
    }

    /// Nil when the document is no plan of a rollback.
    public init?(json: JSONValue) {
        guard json["format_version"]?.integer == 1, json["kind"]?.string == BoundPlan.kind,
            let batch = json["batch"]?.string.flatMap(BatchID.init),
            let mode = json["mode"]?.string.flatMap(RollbackMode.init),
            let onConflict = json["on_conflict"]?.string.flatMap(RollbackRequest.ConflictPolicy.init),
            let readers = json["readers"]?.string.flatMap(RollbackRequest.ReaderPolicy.init),
            let allows = json["without_compensation"]?.bool, let head = json["head"].flatMap(LedgerHead.init),
            let order = BoundPlan.ids(json["order"]), let replayed = BoundPlan.ids(json["replayed"])
        else { return nil }
        let request = RollbackRequest(
            batch: .batch(batch), mode: mode, checkpoint: json["to"]?.integer.map { Int(truncatingIfNeeded: $0) },
            onConflict: onConflict, readers: readers, allowsMissingCompensation: allows)
        self.init(request: request, batch: batch, head: head, order: order, replayed: replayed)
    }

    private static let kind = "rollback_plan"

    private static func ids(_ json: JSONValue?) -> [BatchID]? {
        guard let list = json?.array else { return nil }
        let ids = list.compactMap { $0.string.flatMap(BatchID.init) }
        return ids.count == list.count ? ids : nil
    }
}

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
