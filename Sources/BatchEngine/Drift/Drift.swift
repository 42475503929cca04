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

    /// A file that is gone when nobody needs it any more.
    struct Before {
        let connection: Connection
        fileprivate let folder: ScratchFolder

        init(_ connection: Connection, in folder: ScratchFolder) {
            self.connection = connection
            self.folder = folder
        }
    }

    /// True when rows alone do not tell it: the schema was changed too, or SQL cannot name the rows.
    var needsWhole: Bool {
        hasSchemaChange
            || tables.contains { table in
                if case .rowid(nil)? = (table.after ?? table.before)?.key { true } else { false }
            }
    }

    /// Tables with changes, those that SQLite keeps for itself last.
    let tables: [Table]
    /// The state of the database with the drift in it.
    let state: StateDigest
    /// The schema was changed too.
    let hasSchemaChange: Bool
    /// The database as the ledger knows it, rebuilt beside this one; nil where notes were enough.
    let before: Before?
    /// Found by the notes of the guard, without reading the database.
    let isTracked: Bool
}
