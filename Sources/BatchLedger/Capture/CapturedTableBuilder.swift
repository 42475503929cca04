internal import BatchCore

/// Prepares the capture of a table: which unique keys and references to follow.
struct CapturedTableBuilder {
    let schema: SchemaReader

    /// A foreign key and how it is followed; nil where that cannot be.
    struct Reference {
        let key: TableLayout.ForeignKey
        let parent: TableLayout?
        let reference: CapturedTable.Reference?
    }

    func table(_ layout: TableLayout, visible: TableLayout, number: Int) throws(BatchError) -> CapturedTable {
        // A module decides about its shadow tables; they never make one batch depend on another by their rows.
        guard layout.role == .ordinary else {
            return CapturedTable(layout: layout, visible: visible, number: number, uniqueKeys: [], references: [])
        }
        var terms: [ComputedKeys.Term] = []
        var uniqueKeys: [CapturedTable.UniqueKey] = []
        for index in layout.uniqueIndexes {
            if let key = try uniqueKey(index, of: layout, &terms) { uniqueKeys.append(key) }
        }
        var references = try self.references(layout, &terms).compactMap(\.reference)
        let computed = terms.isEmpty ? nil : try? ComputedKeys(layout, terms, isUTF16: schema.connection.isUTF16)
        if computed == nil {
            uniqueKeys.removeAll(where: \.isComputed)
            references.removeAll { $0.columns == nil }
        }
        let table = CapturedTable(
            layout: layout, visible: visible, number: number, uniqueKeys: uniqueKeys, references: references)
        table.computed = computed
        if terms.isEmpty, layout == visible {
            table.capture = TableCapture(layout: layout, uniqueKeys: uniqueKeys, references: references)
        }
        return table
    }

    private func relation(_ layout: TableLayout, _ index: TableLayout.UniqueIndex) -> Relation {
        let names = index.terms.map { $0.lowercased() }.joined(separator: ",")
        return Relation(
            kind: .unique, table: layout.name, columns: names + (index.condition.map { " where \($0)" } ?? ""))
    }

    /// Nil when the values of the key cannot be compared here.
    private func uniqueKey(
        _ index: TableLayout.UniqueIndex, of layout: TableLayout, _ terms: inout [ComputedKeys.Term]
    ) throws(BatchError) -> CapturedTable.UniqueKey? {
        guard let collations = index.knownCollations else { return nil }
        let stored = layout.storedColumns
        let columns = index.columns.compactMap { $0.flatMap(stored.firstIndex(of:)) }
        if columns.count == index.columns.count, !index.isPartial {
            return CapturedTable.UniqueKey(
                relation: relation(layout, index), columns: columns, collations: collations, isComputed: false,
                condition: nil)
        }
        guard index.terms.count == index.columns.count, !index.isPartial || index.condition != nil else { return nil }
        let places = zip(index.columns, index.terms).map { column, text in
            terms.place(of: ComputedKeys.Term(sql: column == nil ? "(\(text))" : SQLName.quote(text), affinity: .none))
        }
        let condition = index.condition.map { terms.place(of: .init(sql: "(\($0)) IS TRUE", affinity: .none)) }
        return CapturedTable.UniqueKey(
            relation: relation(layout, index), columns: places, collations: collations, isComputed: true,
            condition: condition)
    }

    /// The foreign keys of a table.
    func references(
        _ layout: TableLayout, _ terms: inout [ComputedKeys.Term]
    ) throws(BatchError) -> [Reference] {
        var references: [Reference] = []
        for key in layout.foreignKeys {
            let parent = try schema.layout(named: key.parent)
            references.append(
                Reference(
                    key: key, parent: parent, reference: parent.flatMap { reference(key, of: layout, to: $0, &terms) }))
        }
        return references
    }

    private func reference(
        _ key: TableLayout.ForeignKey, of layout: TableLayout, to parent: TableLayout,
        _ terms: inout [ComputedKeys.Term]
    ) -> CapturedTable.Reference? {
        let names = key.parentColumns.map { $0.lowercased() }
        if key.columns.count == 1, let position = parent.integerPrimaryKey,
            names.isEmpty || names == [parent.columns[position].name.lowercased()]
        {
            return reference(.rows(parent.name), of: layout, key.columns, [.numeric], nil, &terms)
        }
        for index in parent.uniqueIndexes where !index.isPartial && !index.columns.contains(nil) {
            let parents = index.columns.compactMap { $0.map { parent.columns[$0].name.lowercased() } }
            guard names.isEmpty ? index.isPrimaryKey : Set(names) == Set(parents) && names.count == parents.count,
                let collations = index.knownCollations
            else { continue }
            // Hash in the order of the parent's index, whatever order the foreign key is written in.
            let order = names.isEmpty ? Array(key.columns.indices) : parents.compactMap(names.firstIndex(of:))
            guard order.count == key.columns.count else { continue }
            let affinities = index.columns.map { $0.map { parent.affinity(of: $0) } ?? .none }
            return reference(
                relation(parent, index), of: layout, order.map { key.columns[$0] }, affinities, collations, &terms)
        }
        return nil
    }

    /// - Parameters:
    ///   - columns: of the child.
    ///   - affinities: of the parent's columns.
    private func reference(
        _ relation: Relation, of layout: TableLayout, _ columns: [Int], _ affinities: [Column.Affinity],
        _ collations: [KeyHash.Collation]?, _ terms: inout [ComputedKeys.Term]
    ) -> CapturedTable.Reference {
        let stored = layout.storedColumns
        let places = columns.compactMap(stored.firstIndex(of:))
        let isStored = places.count == columns.count
        let conversions = zip(columns, affinities).map { $1 == layout.affinity(of: $0) ? nil : $1 }
        let computed = zip(columns, affinities).map { column, affinity in
            (sql: SQLName.quote(layout.columns[column].name), affinity: affinity)
        }
        return CapturedTable.Reference(
            relation: relation, columns: isStored ? places : nil, collations: collations, conversions: conversions,
            computed: isStored && conversions.allSatisfy { $0 == nil }
                ? nil : computed.map { terms.place(of: ComputedKeys.Term(sql: $0.sql, affinity: $0.affinity)) })
    }
}

extension [ComputedKeys.Term] {
    fileprivate mutating func place(of term: ComputedKeys.Term) -> Int {
        if let place = firstIndex(of: term) { return place }
        append(term)
        return count - 1
    }
}
