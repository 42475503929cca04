internal import BatchCore
internal import BatchLedger
internal import CSQLite

/// Gives the functions and tables to one connection.
struct Registration {
    private let database: OpaquePointer

    init(_ database: OpaquePointer) { self.database = database }

    func perform() throws(BatchError) {
        // Loaded before, perhaps in the middle of a batch: what is there stays.
        if isDone { return }
        let host = Host(database)
        for function in ScalarFunction.all { try function.register(on: database, for: host) }
        for function in TableFunction.all { try TableModule(function).register(on: database, for: host) }
        try AsOfTable.module.register(on: database, for: host)
        try TriggerFunction.register(on: database, for: host)
        try TransactionWatch.register(on: database, for: host)
    }

    private var isDone: Bool {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        return sqlite3_prepare_v3(database, "SELECT batchmgr_version()", -1, 0, &statement, nil) == SQLITE_OK
    }
}
