internal import BatchCore
internal import Glibc

/// What a policy wants to know of the changes of one table, gathered while they are worked into the undo log.
final class PolicyWatch {
    let ownership: RecordedWrites.Ownership
    /// Position of the tenant column among the stored columns; nil where rows belong to nobody.
    private let owner: Int?
    private let owners: [ByteBuffer]
    /// Positions and lower-case names of protected columns.
    var protected: [(position: Int, name: String)] = []

    private(set) var rows = RowCounts()
    private(set) var changedColumns: Set<String> = []
    private(set) var foreignRow: RecordedWrites.ForeignRow?

    init(ownership: RecordedWrites.Ownership, owner: Int?, owners: [ByteBuffer]) {
        self.ownership = ownership
        self.owner = owner
        self.owners = owners
    }

    /// Takes over what an earlier track of the same table has seen.
    func merge(into writes: inout RecordedWrites) {
        writes.rows += rows
        writes.changedColumns.formUnion(changedColumns)
        writes.foreignRow = writes.foreignRow ?? foreignRow
    }

    @inline(__always)
    func noteInsert(_ row: RowBuffer, key: () -> RowKey?) {
        rows.inserted &+= 1
        check(row, .after, key)
    }

    @inline(__always)
    func noteDelete(_ row: RowBuffer, key: () -> RowKey?) {
        rows.deleted &+= 1
        check(row, .before, key)
    }

    @inline(__always)
    func noteUpdate(_ images: RowImages, key: () -> RowKey?) {
        rows.updated &+= 1
        check(images.old, .before, key)
        check(images.new, .after, key)
        for (position, name) in protected where !images.isEqual(position) { changedColumns.insert(name) }
    }

    @inline(__always)
    private func check(_ row: RowBuffer, _ side: RecordedWrites.ForeignRow.Side, _ key: () -> RowKey?) {
        guard let owner, foreignRow == nil else { return }
        let value = row.column(owner)
        if owners.count == 1, isEqual(value, owners[0]) { return }
        if owners.contains(where: { isEqual(value, $0) }) { return }
        foreignRow = .init(key: PolicyWatch.text(key()), side: side)
    }

    /// Same storage class and same bytes.
    @inline(__always)
    private func isEqual(_ value: UnsafeRawBufferPointer, _ image: ByteBuffer) -> Bool {
        guard value.count == image.count, let start = value.baseAddress else { return false }
        return memcmp(start, image.start, value.count) == 0
    }

    private static func text(_ key: RowKey?) -> String {
        switch key {
        case .rowid(let rowid): return String(rowid)
        case .values(let values):
            return "(" + values.map { String(SQLLiteral.value($0).prefix(60)) }.joined(separator: ", ") + ")"
        case nil: return "?"
        }
    }
}
