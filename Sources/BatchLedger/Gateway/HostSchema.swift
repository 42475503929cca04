internal import BatchCore

/// The schema as the open checkpoint of a host has recorded it.
struct HostSchema {
    /// What a statement that changes the schema began from.
    struct Running {
        let savepoint: Int32
        let mark: Recorder.Mark
        /// Tables whose rows were recorded as removed before it.
        var recorded: Set<String> = []
        /// Tables with the tenant column.
        var owned: Set<String> = []
        /// How many objects the ledger has.
        let ledgerObjects: Int64
    }

    /// At the beginning of the checkpoint.
    var first: [SchemaObject] = []
    /// Behind the last change that is recorded.
    var objects: [SchemaObject] = []
    var cookie: Int64 = 0
    var firstCookie: Int64 = 0
    var running: Running?
    /// SQL of ours is at work inside a statement of the host.
    var isReading = false
}

/// What was recorded of the schema, to be taken back with the rows.
struct SchemaMark {
    let objects: [SchemaObject]
    let cookie: Int64
    let definitions: Set<Relation>
    let usedDefinitions: Set<Relation>
    let definitionChanges: RecordedCheckpoint
    let madeTables: Set<String>
}
