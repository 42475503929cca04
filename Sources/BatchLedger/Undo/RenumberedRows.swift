/// Rows whose rowid is another than the log says. VACUUM renumbers rows of tables without an INTEGER PRIMARY KEY.
struct RenumberedRows {
    private var moved: [String: [Int64: Int64]] = [:]

    func current(_ rowid: Int64, in table: String) -> Int64 {
        if moved.isEmpty { return rowid }
        return moved[table]?[rowid] ?? rowid
    }

    mutating func note(_ old: Int64, is new: Int64, in table: String) { moved[table, default: [:]][old] = new }
}
