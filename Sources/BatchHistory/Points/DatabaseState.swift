public import BatchCore
public import BatchLedger

/// What a database is at one moment, without its rows.
public struct DatabaseState: Hashable, Sendable {
    public let settings: DatabaseSettings
    public let objects: [SchemaObject]
    public let digest: StateDigest

    public init(settings: DatabaseSettings, objects: [SchemaObject], digest: StateDigest) {
        self.settings = settings
        self.objects = objects
        self.digest = digest
    }

    /// Reads settings and schema; `digest` is computed from all rows when it is not given.
    public static func read(_ connection: Connection, digest: StateDigest? = nil) throws(BatchError) -> DatabaseState {
        let known: StateDigest
        if let digest { known = digest } else { known = try StateDigest.compute(connection) }
        return DatabaseState(
            settings: try DatabaseSettings.read(connection), objects: try SchemaReader(connection).objects(),
            digest: known)
    }
}
