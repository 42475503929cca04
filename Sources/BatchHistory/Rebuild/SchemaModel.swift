internal import BatchCore
internal import BatchLedger

/// An empty database in memory with the schema of a state: it tells how the tables of that time looked.
final class SchemaModel {
    let state: DatabaseState
    private let connection: Connection
    private var layouts: [String: TableLayout] = [:]

    init(_ state: DatabaseState) throws(BatchError) {
        self.state = state
        let builder = try DatabaseBuilder(at: ":memory:", state: state)
        try builder.finish()
        connection = builder.connection
        try connection.execute("PRAGMA writable_schema=RESET")
        for layout in try SchemaReader(connection).tables() { layouts[layout.name] = layout }
    }

    func layout(_ table: String) -> TableLayout? { layouts[table] }
}
