/// What was checked after a rollback.
public struct Certificate: Hashable, Sendable {
    /// The digests of all touched tables are the recorded ones.
    public let digestsMatch: Bool
    /// The `verify:` queries of the job hold.
    public let verifyPassed: Bool
    /// No foreign key is violated that was not before the batch.
    public let foreignKeysOK: Bool

    public init(digestsMatch: Bool, verifyPassed: Bool, foreignKeysOK: Bool) {
        self.digestsMatch = digestsMatch
        self.verifyPassed = verifyPassed
        self.foreignKeysOK = foreignKeysOK
    }

    public var isClean: Bool { digestsMatch && verifyPassed && foreignKeysOK }

    var json: JSONValue {
        [
            "digests_match": .bool(digestsMatch), "verify_passed": .bool(verifyPassed),
            "foreign_keys_ok": .bool(foreignKeysOK),
        ]
    }
}
