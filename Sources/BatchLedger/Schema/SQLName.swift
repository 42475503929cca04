public import BatchCore

/// Which names belong to the ledger.
extension SQLName {
    /// True for the tables, indexes and triggers of the ledger itself, and for what a `.bak` keeps beside it. Another
    /// table whose name begins alike is the application's own.
    public static func isLedger(_ name: String) -> Bool {
        let name = folded(name)
        return isReserved(name)
            && (LedgerSchema.names.contains(name) || passing.contains { name.hasPrefix($0) }
                || name == TableLayout.stand)
    }

    /// True for names that a batch may not give to anything new.
    public static func isReserved(_ name: String) -> Bool { folded(name).hasPrefix("batchmgr_") }

    /// How names begin of what belongs to us and comes and goes.
    private static let passing = ["batchmgr_guard_", "batchmgr_record_", "batchmgr_bak_", "batchmgr_dropped_"]
}

extension TableLayout {
    /// SQL behind WHERE that leaves out rows about the ledger; nil where there can be none.
    ///
    /// ANALYZE and AUTOINCREMENT note the ledger's tables too; those rows are not the user's.
    public var userRows: String? {
        switch name {
        case "sqlite_sequence": TableLayout.isNotLedger("name")
        case _ where role == .system: TableLayout.isNotLedger("tbl")
        default: nil
        }
    }

    /// A row without a name is the user's.
    private static func isNotLedger(_ column: String) -> String {
        let names = LedgerSchema.names.sorted().map(SQLName.literal).joined(separator: ", ")
        return "(lower(\(column)) IN (\(names)) OR \(column) LIKE 'batchmgr\\_bak\\_%' ESCAPE '\\') IS NOT TRUE"
    }
}
