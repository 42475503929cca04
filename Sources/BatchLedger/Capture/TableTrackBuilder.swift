internal import BatchCore

/// Makes the track of a table: which unique keys and references to follow.
struct TableTrackBuilder {
    let schema: SchemaReader

    func track(_ layout: TableLayout, visible: TableLayout, number: Int) throws(BatchError) -> TableTrack {
        let stored = layout.storedColumns
        // A module decides about its shadow tables; they never make one batch depend on another by their rows.
        guard layout.role == .ordinary else {
            return TableTrack(layout: layout, visible: visible, number: number, uniqueKeys: [], references: [])
        }
        let uniqueKeys = layout.uniqueIndexes.compactMap { index -> UniqueTrack? in
            let columns = index.columns.compactMap { $0.flatMap(stored.firstIndex(of:)) }
            let collations = index.collations.compactMap(KeyHash.Collation.init)
            guard index.isComputable, columns.count == index.columns.count else { return nil }
            return UniqueTrack(
                relation: relation(layout, index), columns: columns, collations: collations)
        }
        return TableTrack(
            layout: layout, visible: visible, number: number, uniqueKeys: uniqueKeys,
            references: try references(layout, stored).map(\.track))
    }

    private func relation(_ layout: TableLayout, _ index: UniqueIndex) -> Relation {
        let names = index.columns.compactMap { $0.map { layout.columns[$0].name.lowercased() } }
        return Relation(kind: .unique, table: layout.name, columns: names.joined(separator: ","))
    }

    /// The foreign keys of a table whose keys can be followed.
    func references(_ layout: TableLayout, _ stored: [Int]) throws(BatchError) -> [(
        key: ForeignKey, parent: TableLayout, track: ReferenceTrack
    )] {
        var tracks: [(key: ForeignKey, parent: TableLayout, track: ReferenceTrack)] = []
        for key in layout.foreignKeys {
            let columns = key.columns.compactMap(stored.firstIndex(of:))
            guard columns.count == key.columns.count, let parent = try schema.layout(named: key.parent) else {
                continue
            }
            let affinities = key.columns.map { layout.columns[$0].affinity }
            if let track = reference(key, to: parent, columns: columns, affinities) {
                tracks.append((key, parent, track))
            }
        }
        return tracks
    }

    private func reference(_ key: ForeignKey, to parent: TableLayout, columns: [Int], _ affinities: [Column.Affinity])
        -> ReferenceTrack?
    {
        let names = key.parentColumns.map { $0.lowercased() }
        if columns.count == 1, let position = parent.integerPrimaryKey,
            names.isEmpty || names == [parent.columns[position].name.lowercased()]
        {
            return ReferenceTrack(
                relation: .rows(parent.name), columns: columns, collations: nil,
                conversions: [affinities[0] == .numeric ? nil : .numeric])
        }
        for index in parent.uniqueIndexes where index.isComputable && !index.isPartial {
            let parents = index.columns.compactMap { $0.map { parent.columns[$0].name.lowercased() } }
            guard names.isEmpty ? index.isPrimaryKey : Set(names) == Set(parents) && names.count == parents.count
            else { continue }
            // Hash in the order of the parent's index, whatever order the foreign key is written in.
            let order = names.isEmpty ? Array(columns.indices) : parents.compactMap(names.firstIndex(of:))
            guard order.count == columns.count else { continue }
            return ReferenceTrack(
                relation: relation(parent, index), columns: order.map { columns[$0] },
                collations: index.collations.compactMap(KeyHash.Collation.init),
                conversions: zip(order, index.columns).map { child, column in
                    let affinity = column.map { parent.columns[$0].affinity }
                    return affinity == affinities[child] ? nil : affinity
                })
        }
        return nil
    }
}
