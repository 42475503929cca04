internal import BatchCore
internal import BatchLedger

/// Tells of rows whose hash does not fit whether they were edited, or written under another number.
struct AuditBreaks {
    /// More rows than this are not looked at one by one.
    private static let limit = 64
    private static let reach: Int64 = 64

    let table: AuditTable
    let place: AuditPlace
    /// By number.
    let broken: [Int64]

    func findings() throws(BatchError) -> [AuditFinding] {
        var findings: [AuditFinding] = []
        var moved: [(seq: Int64, from: Int64)] = []
        for seq in broken.prefix(AuditBreaks.limit) {
            if let from = try origin(of: seq) {
                moved.append((seq, from))
            } else {
                findings.append(
                    AuditFinding(.edited, place, seq: seq, "row \(seq) says something else than when it was written"))
            }
        }
        findings += explain(moved)
        let rest = broken.count - AuditBreaks.limit
        if rest > 0, let next = broken.dropFirst(AuditBreaks.limit).first {
            findings.append(
                AuditFinding(
                    .edited, place, seq: next, "\(rest) more rows, from row \(next) on, do not fit their hashes"))
        }
        return findings
    }

    /// Rows that all moved up by the same number follow others that were taken out.
    private func explain(_ moved: [(seq: Int64, from: Int64)]) -> [AuditFinding] {
        guard let first = moved.first else { return [] }
        let step = first.from - first.seq
        if step > 0, moved.allSatisfy({ $0.from - $0.seq == step }) {
            let last = first.seq + step - 1
            let what = first.seq == last ? "row \(first.seq) is missing" : "rows \(first.seq) to \(last) are missing"
            return [
                AuditFinding(.deleted, place, seq: first.seq, "\(what): those behind were given other numbers")
            ]
        }
        return moved.map { row in
            AuditFinding(.reordered, place, seq: row.seq, "row \(row.seq) was written as row \(row.from)")
        }
    }

    /// The number under which a row was written; nil when it fits its hash under none.
    private func origin(of seq: Int64) throws(BatchError) -> Int64? {
        let cursor = try AuditCursor(table, from: seq)
        guard try cursor.next(), let hash = cursor.hash, let near = near(seq) else { return nil }
        let hasher = AuditHasher()
        var encoding = AuditEncoding()
        let computed = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
        defer { computed.deallocate() }
        for other in broken.prefix(AuditBreaks.limit) + Array(near) where other != seq {
            cursor.encode(
                into: &encoding, seq: other, detailsHash: cursor.detailsHash, previousHash: cursor.previousHash)
            encoding.bytes.withUnsafeBytes { hasher.hash($0, into: computed) }
            if AuditWalk.same(hash, computed) { return other }
        }
        return nil
    }

    private func near(_ seq: Int64) -> ClosedRange<Int64>? {
        let (low, under) = seq.subtractingReportingOverflow(AuditBreaks.reach)
        let (high, over) = seq.addingReportingOverflow(AuditBreaks.reach)
        return under || over ? nil : max(1, low)...max(1, high)
    }
}
