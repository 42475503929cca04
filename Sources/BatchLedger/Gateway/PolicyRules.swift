public import BatchCore
internal import Glibc

/// The policy of a batch as capture applies it: for each table, what to look at in its changes.
struct PolicyRules {
    private let policy: WritePolicy
    private let isUTF16: Bool

    /// Nil when there is nothing to look at.
    init?(_ policy: WritePolicy, isUTF16: Bool) {
        if policy.isUnrestricted { return nil }
        self.policy = policy
        self.isUTF16 = isUTF16
    }

    func table(_ layout: TableLayout) -> TablePolicy {
        let stored = layout.storedColumns
        let column = policy.tenant?.column
        let owner = layout.ownerColumn(named: column)
        let position = owner.flatMap { stored.firstIndex(of: $0) }
        let table = TablePolicy(
            ownership: ownership(layout, owner, isStored: position != nil), owner: position,
            owners: position.map { owners(layout.columns[stored[$0]], layout) } ?? [])
        for name in policy.watched where name.isOf(layout.ownerTable) {
            guard let wanted = name.column.map(SQLName.folded) else { continue }
            for (place, column) in stored.enumerated() where SQLName.folded(layout.columns[column].name) == wanted {
                table.protected.append((place, wanted))
            }
        }
        return table
    }

    private func ownership(_ layout: TableLayout, _ owner: Int?, isStored: Bool) -> RecordedWrites.Ownership {
        if layout.role == .system { return .system }
        if owner == nil { return .shared }
        return isStored ? .tenant : .computed
    }

    /// The images of the values by which a row belongs to one of the batch's tenants: as the column stores the name.
    private func owners(_ column: Column, _ layout: TableLayout) -> [ByteBuffer] {
        (policy.tenant?.tenants ?? []).map { tenant in
            var image = ByteBuffer()
            RowCodec.encode(column.stored(tenant: tenant, in: layout, isUTF16: isUTF16), into: &image)
            return image
        }
    }
}

extension TableLayout {
    /// The table that a person knows: a module's for its shadow tables.
    public var ownerTable: String {
        if case .shadow(let owner) = role { owner } else { name }
    }

    /// The column that says whose a row is; nil where the rows belong to nobody. Names are compared as SQLite does.
    public func ownerColumn(named name: String?) -> Int? {
        guard role == .ordinary, let name else { return nil }
        return columns.firstIndex { SQLName.areSame($0.name, name) }
    }
}

extension Column {
    /// The one value by which a row belongs to a tenant: the name as this column stores it.
    ///
    /// A column for numbers turns the text `7` into the number 7. A text that is not how that number is written, as `07`,
    /// belongs to no row.
    public func stored(tenant: String, in table: TableLayout, isUTF16: Bool) -> SQLValue {
        let isAny = table.isStrict && declaredType.uppercased() == "ANY"
        if !isAny, let number = Int64(tenant), String(number) == tenant {
            switch affinity {
            case .numeric: return .integer(number)
            case .real: return .real(Double(number))
            case .none, .text: break
            }
        }
        guard isUTF16 else { return .string(tenant) }
        return .text16(tenant.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] })
    }
}

/// What a policy wants to know of the changes of one table, gathered while they are worked into the undo log.
final class TablePolicy {
    let ownership: RecordedWrites.Ownership
    /// Position of the tenant column among the stored columns; nil where rows belong to nobody.
    let owner: Int?
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

    /// Takes over what was seen of the same table under another layout.
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
        foreignRow = .init(key: TablePolicy.text(key()), side: side)
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
