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
