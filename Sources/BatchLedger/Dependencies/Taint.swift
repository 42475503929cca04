internal import BatchCore

/// Keys of one relation that undoing a batch takes away.
struct Taint {
    let batch: Int64
    /// The first checkpoint that is undone: what was before it does not matter.
    let from: Int64
    let relation: Relation
    let sides: [FactSide: KeyRuns]

    /// The batch only used what the facts are about.
    var isUse: Bool {
        sides.keys.allSatisfy { $0 == .referenced || $0 == .released || $0 == .confirmed || $0 == .read }
    }
}

/// Looks at later facts for one taint.
struct Watch {
    enum Rule {
        /// Facts about the same relation.
        case sameKeys
        /// Facts about the definition of the table, or about its rows when the definition is undone.
        case definition
    }

    let taint: Taint
    let rule: Rule
    /// Rows that were added, changed or removed: one key may be on several sides.
    private let touched: KeyRuns

    var batch: Int64 { taint.batch }
    var from: Int64 { taint.from }

    init(_ taint: Taint, rule: Rule) {
        self.taint = taint
        self.rule = rule
        var touched = taint.sides[.added] ?? KeyRuns()
        touched.formUnion(taint.sides[.changed] ?? KeyRuns())
        touched.formUnion(taint.sides[.removed] ?? KeyRuns())
        self.touched = touched
    }

    /// Keys outside of it cannot collide; nil when all can.
    var range: ClosedRange<UInt64>? {
        guard rule == .sameKeys else { return nil }
        let runs = taint.sides.values.flatMap(\.runs)
        guard let low = runs.map(\.low).min(), let high = runs.map(\.high).max() else { return nil }
        return low...high
    }

    /// How a later fact collides with what would be undone, and the evidence; nil when it does not.
    func collision(with later: Fact, on relation: Relation?) -> (DependencyKind, String)? {
        guard let relation else { return nil }
        switch rule {
        case .definition:
            if later.side == .referenced || later.side == .released { return nil }
            return (.row, "definition of \(taint.relation.table)")
        case .sameKeys:
            guard let (kind, keys) = match(relation, later) else { return nil }
            if relation.kind == .definition { return (kind, "definition of \(relation.table)") }
            let thing = relation.columns.isEmpty ? relation.table : "\(relation.table)(\(relation.columns))"
            return (kind, "\(kind.rawValue) \(thing) \(keys) \(keys == 1 ? "key" : "keys")")
        }
    }

    private func match(_ relation: Relation, _ later: Fact) -> (DependencyKind, UInt64)? {
        switch (relation.kind, later.side) {
        case (.rows, .added), (.rows, .changed), (.rows, .removed), (.rows, .confirmed), (.definition, .changed):
            let keys = touched.overlap(with: later.keys)
            if keys > 0 { return (.row, keys) }
            return later.side == .removed ? reference(.released, later) : nil
        case (.unique, .added):
            let keys = shared(.removed, later)
            return keys > 0 ? (.unique, keys) : nil
        case (.unique, .removed): return reference(.released, later)
        case (.definition, .referenced):
            let keys = shared(.changed, later)
            return keys > 0 ? (.row, keys) : nil
        case (_, .referenced): return reference(.added, later)
        default: return nil
        }
    }

    private func shared(_ side: FactSide, _ later: Fact) -> UInt64 {
        taint.sides[side].map { $0.overlap(with: later.keys) } ?? 0
    }

    private func reference(_ side: FactSide, _ later: Fact) -> (DependencyKind, UInt64)? {
        let keys = shared(side, later)
        return keys > 0 ? (.foreignKey, keys) : nil
    }
}
