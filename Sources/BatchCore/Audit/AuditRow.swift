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

/// The bytes that the hash of an audit row is taken of: the fields in a fixed order, each after its length, so that no
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

/// The last row of an audit chain, as it is signed.
public struct AuditHead: Hashable, Sendable {
    public let place: AuditPlace
    /// The random name of the ledger or of `control.db`.
    public let chain: String
    public let seq: Int64
    public let hash: String

    public init(place: AuditPlace, chain: String, seq: Int64, hash: String) {
        self.place = place
        self.chain = chain
        self.seq = seq
        self.hash = hash
    }

    /// `ledger CHAIN SEQ HASH`
    public var text: String { "\(place.rawValue) \(chain) \(seq) \(hash)" }

    public init?(text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard words.count == 4, let place = AuditPlace(rawValue: words[0]), let seq = Int64(words[2]) else {
            return nil
        }
        self.init(place: place, chain: words[1], seq: seq, hash: words[3])
    }

    /// What is signed for the heads of one moment.
    /// - Parameter branch: of the history of the database.
    public static func statement(_ heads: [AuditHead], branch: String) -> [UInt8] {
        Array((["batchmgr audit heads 1", branch] + heads.map(\.text)).joined(separator: "\n").utf8)
    }
}

/// What somebody did to an audit chain.
public struct AuditFinding: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A row is not what it was when it was written.
        case edited
        /// A row is missing between others.
        case deleted
        /// Rows stand in another order, or under other numbers, than they were written.
        case reordered
        /// A row stands where none was written.
        case inserted
        /// Rows are missing at the end.
        case truncated
        /// The hashes fit each other, and not the signed head: they were computed anew.
        case rewritten
        /// The whole chain was put in the place of another.
        case replaced
        /// A signed head is missing, was changed, or is signed with another key.
        case unsigned
    }

    public let kind: Kind
    public let place: AuditPlace
    /// The first row that it concerns.
    public let seq: Int64?
    /// One sentence, with the names of things.
    public let detail: String

    public init(_ kind: Kind, _ place: AuditPlace, seq: Int64?, _ detail: String) {
        self.kind = kind
        self.place = place
        self.seq = seq
        self.detail = detail
    }

    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "chain": .string(place.rawValue),
            "seq": seq.map(JSONValue.integer) ?? .null,
            "detail": .string(detail),
        ]
    }
}
