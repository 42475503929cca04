public import BatchCore
internal import BatchLedger
internal import Glibc

/// Walks a chain from its first row to its last, and says what does not fit.
public final class AuditWalk {
    /// What was found.
    public struct Result: Sendable {
        public var rows: Int64 = 0
        /// At the end, by a program without cryptography; the next one that writes seals them.
        public var unsealed: Int64 = 0
        public var findings: [AuditFinding] = []
        /// The number of the last row; 0 for none.
        public var last: Int64 = 0
        /// By the numbers that were asked for, as far as there are such rows.
        public var hashes: [Int64: String] = [:]
    }

    private let table: AuditTable
    private let place: AuditPlace
    private let hasher = AuditHasher()
    private var encoding = AuditEncoding()
    /// 64 digits each.
    private let previous = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    private let computed = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    private var result = Result()
    private var wanted: ArraySlice<Int64>
    /// Rows whose hash does not fit what they say.
    private var broken: [Int64] = []
    /// Details that do not have the hash that is recorded, with the one that they have.
    private var otherDetails: [(seq: Int64, hash: String)] = []
    /// What erasures say of details, in their order.
    private var erasures: [(seq: Int64, vouchers: [Int64: String])] = []

    /// - Parameter seqs: rows whose hashes are wanted.
    public init(_ chain: AuditChain, noting seqs: Set<Int64> = []) {
        table = chain.table
        place = chain.place
        wanted = seqs.sorted()[...]
    }

    deinit {
        previous.deallocate()
        computed.deallocate()
    }

    public func perform() throws(BatchError) -> Result {
        guard try table.exists() else { return result }
        set(previous, AuditEncoding.genesis)
        let cursor = try AuditTable.Cursor(table)
        var openFrom: Int64?
        while try cursor.next() {
            result.rows += 1
            let seq = cursor.seq
            guard seq > result.last else {
                find(.inserted, seq, "row \(seq) is before the first one")
                continue
            }
            let hasGap = seq != result.last + 1
            if hasGap { missing(result.last + 1, seq - 1) }
            if cursor.hash == nil {
                openFrom = openFrom ?? seq
                close(cursor, seq)
            } else {
                if let first = openFrom {
                    find(.edited, first, "row \(first) has lost its hash, though row \(seq) after it has one")
                    openFrom = nil
                }
                check(cursor, seq, hasGap: hasGap)
            }
            note(seq)
            result.last = seq
        }
        if let openFrom { result.unsealed = result.last - openFrom + 1 }
        try explain()
        return result
    }

    // MARK: One row

    private func check(_ cursor: AuditTable.Cursor, _ seq: Int64, hasGap: Bool) {
        let wasWhole = broken.last != seq - 1
        cursor.encode(into: &encoding, seq: seq, detailsHash: cursor.detailsHash, previousHash: cursor.previousHash)
        encoding.bytes.withUnsafeBytes { hasher.hash($0, into: computed) }
        let isWhole = AuditWalk.same(cursor.hash, computed)
        if !isWhole {
            broken.append(seq)
        } else if !hasGap, wasWhole, !AuditWalk.same(cursor.previousHash, previous) {
            if seq == 1 {
                find(.deleted, 1, "row 1 was written after another one, which is missing")
            } else {
                find(.edited, seq - 1, "row \(seq - 1) is not the one that row \(seq) was written after")
            }
        }
        if let details = cursor.details { hasher.hash(details, into: computed) }
        if isWhole {
            if !AuditWalk.same(cursor.detailsHash, computed) { otherDetails.append((seq, AuditWalk.text(computed))) }
            if let action = cursor.action, action.count == 5, action.elementsEqual(AuditChain.erasure.utf8) {
                erasures.append((seq, vouchers(cursor)))
            }
        }
        if let hash = cursor.hash, hash.count == 64, let start = hash.baseAddress { memcpy(previous, start, 64) }
    }

    /// What the hash of a row that has none would be.
    private func close(_ cursor: AuditTable.Cursor, _ seq: Int64) {
        if let details = cursor.details { hasher.hash(details, into: computed) }
        cursor.encode(
            into: &encoding, seq: seq, detailsHash: UnsafeRawBufferPointer(start: computed, count: 64),
            previousHash: UnsafeRawBufferPointer(start: previous, count: 64))
        encoding.bytes.withUnsafeBytes { hasher.hash($0, into: previous) }
    }

    private func vouchers(_ cursor: AuditTable.Cursor) -> [Int64: String] {
        let details = cursor.details.flatMap { try? JSONParser.parse(String(decoding: $0, as: UTF8.self)) }
        var vouchers: [Int64: String] = [:]
        for row in details?[AuditChain.voucherKey]?.array ?? [] {
            if let seq = row["seq"]?.integer { vouchers[seq] = row["details_hash"]?.string }
        }
        return vouchers
    }

    /// The hashes of details that erasures account for. A later one may have cleaned the row of an earlier one.
    private func vouched() -> [Int64: String] {
        let others = Dictionary(otherDetails.map { ($0.seq, $0.hash) }) { first, _ in first }
        var vouched: [Int64: String] = [:]
        for (seq, vouchers) in erasures.reversed() where others[seq] == nil || others[seq] == vouched[seq] {
            vouched.merge(vouchers) { later, _ in later }
        }
        return vouched
    }

    private func note(_ seq: Int64) {
        while let next = wanted.first, next <= seq {
            if next == seq { result.hashes[seq] = AuditWalk.text(previous) }
            wanted = wanted.dropFirst()
        }
    }

    private func missing(_ first: Int64, _ last: Int64) {
        find(.deleted, first, first == last ? "row \(first) is missing" : "rows \(first) to \(last) are missing")
    }

    private func find(_ kind: AuditFinding.Kind, _ seq: Int64?, _ detail: String) {
        result.findings.append(AuditFinding(kind, place, seq: seq, detail))
    }

    // MARK: After the walk

    private func explain() throws(BatchError) {
        let vouched = vouched()
        for (seq, hash) in otherDetails where vouched[seq] != hash {
            find(.edited, seq, "the details of row \(seq) were changed")
        }
        if !broken.isEmpty {
            let repair = AuditBreaks(table: table, place: place, broken: broken)
            result.findings += try repair.findings()
        }
        result.findings.sort { ($0.seq ?? 0) < ($1.seq ?? 0) }
    }

    // MARK: Bytes

    static func same(_ field: UnsafeRawBufferPointer?, _ digits: UnsafeMutablePointer<UInt8>) -> Bool {
        guard let field, field.count == 64, let start = field.baseAddress else { return false }
        return memcmp(start, digits, 64) == 0
    }

    private static func text(_ digits: UnsafeMutablePointer<UInt8>) -> String {
        String(decoding: UnsafeBufferPointer(start: digits, count: 64), as: UTF8.self)
    }

    private func set(_ digits: UnsafeMutablePointer<UInt8>, _ text: String) {
        for (index, byte) in text.utf8.prefix(64).enumerated() { digits[index] = byte }
    }
}

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
                    AuditFinding(.edited, place, seq: seq, "row \(seq) is not what it was when it was written"))
            }
        }
        findings += explain(moved)
        let rest = broken.count - AuditBreaks.limit
        if rest > 0, let next = broken.dropFirst(AuditBreaks.limit).first {
            findings.append(
                AuditFinding(
                    .edited, place, seq: next, "\(rest) more rows, from row \(next) on, do not match their hashes"))
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
                AuditFinding(.deleted, place, seq: first.seq, "\(what): those after it were given other numbers")
            ]
        }
        return moved.map { row in
            AuditFinding(.reordered, place, seq: row.seq, "row \(row.seq) was written as row \(row.from)")
        }
    }

    /// The number under which a row was written; nil when it fits its hash under none.
    private func origin(of seq: Int64) throws(BatchError) -> Int64? {
        let cursor = try AuditTable.Cursor(table, from: seq)
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
