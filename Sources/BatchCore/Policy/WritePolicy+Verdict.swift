extension WritePolicy {
    /// True when there is nothing that a batch could violate.
    public var isUnrestricted: Bool { tenant == nil && protected.isEmpty && limits == WriteLimits() }

    /// Holds what was recorded against the policy.
    /// - Returns: the first violation; nil when the checkpoint may be committed.
    public func violation(in recorded: RecordedCheckpoint) -> PolicyViolation? {
        if let violation = ownerViolation(recorded) { return violation }
        // Who approved the plan has seen what it changes, and how much.
        guard approval == nil else { return nil }
        return protectedViolation(recorded) ?? limitViolation(recorded)
    }

    /// Milliseconds that the batch may work; nil for no limit.
    public var timeLimit: Int64? { approval == nil ? limits.milliseconds : nil }

    // MARK: Tenants

    private func ownerViolation(_ recorded: RecordedCheckpoint) -> PolicyViolation? {
        guard let scope = tenant else { return nil }
        let tenants = scope.tenants
        if recorded.hasSchemaChange, !tenants.isEmpty { return .tenantSchemaChange }
        if approval == nil, let table = recorded.disowned.sorted().first {
            return .disowned(table: table, column: scope.column)
        }
        for writes in recorded.tables {
            switch writes.ownership {
            case .tenant:
                if tenants.isEmpty { return .noTenant(table: writes.table) }
                if let row = writes.foreignRow { return .otherTenant(table: writes.table, row: row) }
            case .computed: return .computedOwner(table: writes.table, column: scope.column)
            case .shared, .system: if !scope.lists(writes.table) { return .unlistedShared(table: writes.table) }
            }
        }
        return nil
    }

    // MARK: Protected data

    private func protectedViolation(_ recorded: RecordedCheckpoint) -> PolicyViolation? {
        for name in protected {
            if recorded.definitions.contains(where: name.isOf) {
                return .protected(name: name.text, what: "change the definition of \(name.table)")
            }
            for writes in recorded.tables where name.isOf(writes.table) {
                if writes.rows.inserted > 0 { return .protected(name: name.text, what: "add rows to \(name.table)") }
                if writes.rows.deleted > 0 { return .protected(name: name.text, what: "delete rows of \(name.table)") }
                let isChanged = name.column.map { writes.changedColumns.contains(SQLName.folded($0)) }
                if isChanged ?? (writes.rows.updated > 0) { return .protected(name: name.text, what: "change it") }
            }
        }
        return nil
    }

    // MARK: Limits

    private func limitViolation(_ recorded: RecordedCheckpoint) -> PolicyViolation? {
        if let limit = limits.rows, recorded.rows > limit { return .rows(found: recorded.rows, limit: limit) }
        for writes in recorded.tables where writes.ownership != .system && !limits.admits(writes.table) {
            return .table(writes.table, allowed: (limits.tables ?? []).sorted())
        }
        guard let share = limits.deletedShare else { return nil }
        for (table, rows) in recorded.dropped.sorted(by: { $0.key < $1.key }) where rows > 0 && share < 1 {
            return .deletedShare(table: table, deleted: rows, of: rows, limit: share)
        }
        for writes in recorded.tables where writes.ownership != .system {
            let deleted = Int64(writes.rows.deleted) + writes.deletedBefore
            // Rows that the batch itself had added may be deleted again.
            let total = max(writes.rowsBefore, deleted)
            if Double(deleted) > share * Double(total) {
                return .deletedShare(table: writes.table, deleted: deleted, of: total, limit: share)
            }
        }
        return nil
    }
}
