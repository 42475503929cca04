internal import BatchCore
internal import Glibc

/// What a policy wants to know of the changes of one table, gathered while they are worked into the undo log.
final class PolicyWatch {
    let ownership: RecordedWrites.Ownership
    /// Position of the tenant column among the stored columns; nil where rows belong to nobody.
    private let owner: Int?
    private let owners: [ByteBuffer]
    /// The first of them, which mostly is the only one.
    private let first: UnsafeRawBufferPointer
    /// Positions and lower-case names of protected columns.
    var protected: [(position: Int, name: String)] = []

    private(set) var rows = RowCounts()
    private(set) var changedColumns: Set<String> = []
    private(set) var foreignRow: RecordedWrites.ForeignRow?

    init(ownership: RecordedWrites.Ownership, owner: Int?, owners: [ByteBuffer]) {
        self.ownership = ownership
        self.owner = owner
        self.owners = owners
        first = owners.first?.bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Takes over what an earlier track of the same table has seen.
    func merge(into writes: inout RecordedWrites) {
        writes.rows += rows
        writes.changedColumns.formUnion(changedColumns)
        writes.foreignRow = writes.foreignRow ?? foreignRow
    }

    @inline(__always)
    func noteInsert(_ images: UnsafeMutablePointer<RowImages>, key: () -> RowKey?) {
        rows.inserted &+= 1
        if let owner { check(images.pointee.new.column(owner), .after, key) }
    }

    @inline(__always)
    func noteDelete(_ images: UnsafeMutablePointer<RowImages>, key: () -> RowKey?) {
        rows.deleted &+= 1
        if let owner { check(images.pointee.old.column(owner), .before, key) }
    }

    @inline(__always)
    func noteUpdate(_ images: UnsafeMutablePointer<RowImages>, key: () -> RowKey?) {
        rows.updated &+= 1
        if let owner {
            check(images.pointee.old.column(owner), .before, key)
            check(images.pointee.new.column(owner), .after, key)
        }
        if protected.isEmpty { return }
        for (position, name) in protected where !images.pointee.isEqual(position) { changedColumns.insert(name) }
    }

    /// Same storage class and same bytes.
    @inline(__always)
    private func check(
        _ value: UnsafeRawBufferPointer, _ side: RecordedWrites.ForeignRow.Side, _ key: () -> RowKey?
    ) {
        if value.count == first.count, let a = value.baseAddress, let b = first.baseAddress,
            memcmp(a, b, value.count) == 0
        {
            return
        }
        checkOthers(value, side, key)
    }

    @inline(never)
    private func checkOthers(
        _ value: UnsafeRawBufferPointer, _ side: RecordedWrites.ForeignRow.Side, _ key: () -> RowKey?
    ) {
        if foreignRow != nil || owners.contains(where: { value.elementsEqual($0.bytes) }) { return }
        foreignRow = .init(key: PolicyWatch.text(key()), side: side)
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
