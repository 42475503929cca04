public import BatchCore

/// The policy of a batch as the recorder applies it: for each table, what to look at in its changes.
struct PolicyRules {
    private let policy: WritePolicy
    private let isUTF16: Bool

    /// Nil when there is nothing to look at.
    init?(_ policy: WritePolicy, isUTF16: Bool) {
        if policy.isUnrestricted { return nil }
        self.policy = policy
        self.isUTF16 = isUTF16
    }

    func watch(_ layout: TableLayout) -> PolicyWatch {
        let stored = layout.storedColumns
        let column = policy.tenant?.column.lowercased()
        let owner = layout.ownerColumn(named: column)
        let position = owner.flatMap { stored.firstIndex(of: $0) }
        let watch = PolicyWatch(
            ownership: ownership(layout, owner, isStored: position != nil), owner: position,
            owners: position.map { owners(layout.columns[stored[$0]], layout) } ?? [])
        for name in policy.protected where name.isOf(layout.ownerTable) {
            guard let wanted = name.column?.lowercased() else { continue }
            for (place, column) in stored.enumerated() where layout.columns[column].name.lowercased() == wanted {
                watch.protected.append((place, wanted))
            }
        }
        return watch
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
        guard role == .ordinary, let name = name?.lowercased() else { return nil }
        return columns.firstIndex { $0.name.lowercased() == name }
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
