internal import BatchCore
internal import BatchLedger

/// What differs from the state that the ledger knows, and no batch did.
struct Drift {
    struct Table {
        /// As it was, and as it is; nil where it is not there.
        let before: TableLayout?
        let after: TableLayout?
        let changes: [RowChange]
    }

    /// Tables with changes, those that SQLite keeps for itself last.
    let tables: [Table]
    /// The state of the database with the drift in it.
    let state: StateDigest
    /// The schema was changed too.
    let hasSchemaChange: Bool
    /// Found by the notes of the guard, without reading the database.
    let isTracked: Bool
}
