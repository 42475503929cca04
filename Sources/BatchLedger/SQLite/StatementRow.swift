internal import CSQLite

/// The current row of a statement, whose values go from there to a call of SQLite: for tables that show rows of others.
///
/// It is as short-lived as the row, and holds on to nothing, so that a value costs no more than SQLite takes for it.
public struct StatementRow {
    private let statement: OpaquePointer
    private let isUTF16: Bool

    public init(of statement: Statement) {
        self.statement = statement.handle
        isUTF16 = statement.isUTF16
    }

    /// Hands a value over, whatever it is.
    ///
    /// `sqlite3_result_value` takes new memory for each text; a text that is handed over as such goes where the one before was.
    public func give(_ column: Int32, to call: OpaquePointer) {
        guard let value = sqlite3_column_value(statement, column) else { return }
        switch sqlite3_value_type(value) {
        case SQLITE_INTEGER: sqlite3_result_int64(call, sqlite3_value_int64(value))
        case SQLITE_TEXT where !isUTF16:
            // Not sqlite3_value_text: it would copy the text to put a NUL behind it. Nothing is NULL here.
            guard let start = sqlite3_value_blob(value) else { return sqlite3_result_value(call, value) }
            csqlite_result_text(call, start, sqlite3_value_bytes(value))
        default: sqlite3_result_value(call, value)
        }
    }
}
