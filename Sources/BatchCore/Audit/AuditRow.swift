/// What happened, as a row of an audit chain says it. Its texts name things and counts, never values of rows.
public struct AuditEntry: Hashable, Sendable {
    /// `Timestamp.iso8601`
    public let at: String
    /// That of the command.
    public let traceID: String
    public let actor: String
    public let tenant: String?
    /// The verb, or what the tool did of itself, e.g. `recover`.
    public let action: String
    public let batch: String?
    /// `committed`, `done`, `refused`, `failed` …
    public let outcome: String
    /// A JSON object.
    public let details: String

    public init(
        at: String, traceID: String, actor: String, tenant: String?, action: String, batch: String?, outcome: String,
        details: String
    ) {
        self.at = at
        self.traceID = traceID
        self.actor = actor
        self.tenant = tenant
        self.action = action
        self.batch = batch
        self.outcome = outcome
        self.details = details
    }
}

/// Where an audit chain lies.
public enum AuditPlace: String, Sendable, CaseIterable {
    /// In the database, with the batches.
    case ledger
    /// In `control.db`: what could not be written into a ledger, and what concerns the whole workspace.
    case control
}

/// One row of an audit chain.
public struct AuditRow: Hashable, Sendable {
    public let place: AuditPlace
    /// Counted from 1, without a gap.
    public let seq: Int64
    public let entry: AuditEntry
    /// 64 hexadecimal digits each; nil for a row that is not sealed yet.
    public let detailsHash: String?
    public let previousHash: String?
    public let hash: String?

    public init(
        place: AuditPlace, seq: Int64, entry: AuditEntry, detailsHash: String?, previousHash: String?, hash: String?
    ) {
        self.place = place
        self.seq = seq
        self.entry = entry
        self.detailsHash = detailsHash
        self.previousHash = previousHash
        self.hash = hash
    }

    public var json: JSONValue {
        [
            "chain": .string(place.rawValue), "seq": .integer(seq), "at": .string(entry.at),
            "trace_id": .string(entry.traceID), "actor": .string(entry.actor), "tenant": .init(entry.tenant),
            "action": .string(entry.action), "batch": .init(entry.batch), "outcome": .string(entry.outcome),
            "details": (try? JSONParser.parse(entry.details)) ?? .string(entry.details),
            "details_hash": .init(detailsHash), "previous_hash": .init(previousHash), "hash": .init(hash),
        ]
    }
}

/// The bytes that the hash of an audit row is taken of: the fields in a fixed order, each behind its length, so that no
/// two rows have the same bytes.
///
/// `docs/audit.md` describes them for other programs. The buffer is used again for the next row.
public struct AuditEncoding {
    /// What stands in the first row for the hash of the row before it.
    public static let genesis = String(repeating: "0", count: 64)
    private static let mark = Array("batchmgr-audit-1\n".utf8)

    public private(set) var bytes: [UInt8] = []

    public init() { bytes.reserveCapacity(1_024) }

    public mutating func begin(seq: Int64) {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(contentsOf: AuditEncoding.mark)
        withUnsafeBytes(of: seq.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// - Parameter field: UTF-8; nil for NULL.
    public mutating func add(_ field: UnsafeRawBufferPointer?) {
        let length = field.map { UInt32(truncatingIfNeeded: $0.count) } ?? .max
        withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
        if let field { bytes.append(contentsOf: field) }
    }

    public mutating func add(_ text: String?) {
        guard var text else { return add(UnsafeRawBufferPointer?.none) }
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }

    /// - Parameters:
    ///   - detailsHash: stands for the details, so that a text can be erased from them without breaking the chain.
    ///   - previousHash: of the row before; `genesis` in the first.
    public mutating func encode(_ entry: AuditEntry, seq: Int64, detailsHash: String, previousHash: String) {
        begin(seq: seq)
        for field in [entry.at, entry.traceID, entry.actor, entry.tenant, entry.action, entry.batch, entry.outcome] {
            add(field)
        }
        add(detailsHash)
        add(previousHash)
    }
}
