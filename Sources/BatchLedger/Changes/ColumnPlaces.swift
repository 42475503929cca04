internal import BatchCore

/// Where the columns of a table as it is now are in rows of an older form of it.
struct ColumnPlaces {
    /// By place among the stored columns of today; nil for a column that was not there.
    private var places: [Int?]

    init(_ layout: TableLayout) { places = Array(layout.storedColumns.indices) }

    /// Goes back over one statement that altered the table.
    mutating func goBack(from newer: TableLayout, to older: TableLayout) {
        let now = ColumnPlaces.names(newer)
        let then = ColumnPlaces.names(older)
        let differing = now.indices.filter { $0 >= then.count || now[$0] != then[$0] }
        // One column has another name now.
        if now.count == then.count, differing.count == 1, !then.contains(now[differing[0]]) { return }
        places = places.map { place in place.flatMap { then.firstIndex(of: now[$0]) } }
    }

    private static func names(_ layout: TableLayout) -> [String] {
        layout.storedColumns.map { layout.columns[$0].name.lowercased() }
    }

    /// The row in the form of today; NULL where it had no such column.
    func today(_ row: [SQLValue]?) -> [SQLValue]? {
        row.map { row in places.map { place in place.map { row[$0] } ?? .null } }
    }

    /// Places of today that these rows have no column for.
    var missing: Set<Int> { Set(places.indices.filter { places[$0] == nil }) }
}
