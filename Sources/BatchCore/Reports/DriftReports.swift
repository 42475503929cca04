/// `drift show`
public struct DriftReport: Report, Hashable {
    public let changes: ChangesReport
    /// The definition of something was changed too.
    public let hasSchemaChange: Bool
    /// Found by the notes of the guard, without reading the database.
    public let isTracked: Bool
    /// Virtual tables, and tables of SQLite's own, whose content is not as the last batch left it. Their rows are not listed:
    /// a module or SQLite made them.
    public var unlisted: [String] = []
    /// The changes are those that `drift undo` would make.
    public var isDryRun = false

    public init(changes: ChangesReport, hasSchemaChange: Bool, isTracked: Bool) {
        self.changes = changes
        self.hasSchemaChange = hasSchemaChange
        self.isTracked = isTracked
    }

    public var isDrifted: Bool { hasSchemaChange || changes.total.total > 0 || !unlisted.isEmpty }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("drifted", .bool(isDrifted)), .init("schema_changed", .bool(hasSchemaChange)),
            .init("tracked", .bool(isTracked)), .init("unlisted", .array(unlisted.map { .string($0) })),
        ] + JSONValue.Member.only("dry_run", if: isDryRun) + changes.members(call)
    }
}

/// `guard set` and `guard show`
public struct GuardReport: Report, Hashable {
    /// Writes outside any batch that were noted since such writes were last kept.
    public struct Noted: Hashable, Sendable {
        public let table: String
        /// Nil when any row of the table may have been written.
        public let rows: Int?

        public init(table: String, rows: Int?) {
            self.table = table
            self.rows = rows
        }
    }

    public let mode: GuardMode
    /// What `batchmgr.yaml` says; nil when it says nothing, or there is none.
    public let declared: GuardMode?
    /// False when triggers were changed, or tables came or went, since they were made.
    public let isIntact: Bool
    /// Somebody opened the gate by hand.
    public let isForcedOpen: Bool
    public let tables: [String]
    /// Tables that no trigger can be put on, or all when the mode is off.
    public let unguarded: [String]
    public let noted: [Noted]

    public init(
        mode: GuardMode, declared: GuardMode?, isIntact: Bool, isForcedOpen: Bool, tables: [String],
        unguarded: [String], noted: [Noted]
    ) {
        self.mode = mode
        self.declared = declared
        self.isIntact = isIntact
        self.isForcedOpen = isForcedOpen
        self.tables = tables
        self.unguarded = unguarded
        self.noted = noted
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("guard", .string(mode.rawValue)), .init("declared", JSONValue(declared?.rawValue)),
            .init("intact", .bool(isIntact)), .init("forced_open", .bool(isForcedOpen)),
            .init("tables", .array(tables.map(JSONValue.string))),
            .init("unguarded", .array(unguarded.map(JSONValue.string))),
            .init(
                "noted",
                .array(
                    noted.map { note in
                        ["table": .string(note.table), "rows": note.rows.map { JSONValue($0) } ?? .null]
                    })),
        ]
    }
}
