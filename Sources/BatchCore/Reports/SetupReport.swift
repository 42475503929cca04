/// `init`
public struct SetupReport: Report, Hashable {
    /// The `batchmgr.yaml`.
    public let file: String
    public let database: String
    /// Files and folders that are new.
    public let created: [String]
    /// What should be known about the database.
    public let notes: [String]

    public init(file: String, database: String, created: [String], notes: [String]) {
        self.file = file
        self.database = database
        self.created = created
        self.notes = notes
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("file", .string(file)), .init("database", .string(database)),
            .init("created", .array(created.map { .string($0) })), .init("notes", .array(notes.map { .string($0) })),
        ]
    }
}
