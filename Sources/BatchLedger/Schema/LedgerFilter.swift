extension TableLayout {
    /// SQL behind WHERE that leaves out rows about the ledger; nil where there can be none.
    ///
    /// ANALYZE and AUTOINCREMENT note the ledger's tables too; those rows are not the user's.
    public var userRows: String? {
        switch name {
        case "sqlite_sequence": "name NOT LIKE 'batchmgr\\_%' ESCAPE '\\'"
        case _ where role == .system: "tbl NOT LIKE 'batchmgr\\_%' ESCAPE '\\'"
        default: nil
        }
    }
}
