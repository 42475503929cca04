/// What was in use at some moment: the tool, the schema, the catalog, the configuration, the switches.
public struct Release: Hashable, Sendable {
    public var name: String
    public var at: Timestamp
    /// When somebody, or a check, said that it works; nil before.
    public var validatedAt: Timestamp?
    /// `tool`, `schema {digest, user_version}`, `files {path: SHA-256}`, `switches`, `ledger {batch, checkpoint, audit}`.
    public var manifest: JSONValue

    public init(name: String, at: Timestamp, validatedAt: Timestamp? = nil, manifest: JSONValue) {
        self.name = name
        self.at = at
        self.validatedAt = validatedAt
        self.manifest = manifest
    }

    public var json: JSONValue {
        .object(
            [
                .init("release", .string(name)), .init("created_at", .string(at.iso8601)),
                .init("validated", .bool(validatedAt != nil)), .init("validated_at", JSONValue(validatedAt?.iso8601)),
            ] + (manifest.members ?? []))
    }

    /// What is not the same in another one.
    public func differences(from other: Release) -> [Difference] {
        var found: [Difference] = []
        func compare(_ part: String, _ name: String, _ old: JSONValue?, _ new: JSONValue?) {
            if old ?? .null == new ?? .null { return }
            found.append(Difference(part: part, name: name, before: old ?? .null, after: new ?? .null))
        }
        compare("tool", "version", manifest["tool"], other.manifest["tool"])
        for key in ["digest", "user_version"] {
            compare("schema", key, manifest["schema"]?[key], other.manifest["schema"]?[key])
        }
        for part in ["files", "switches"] {
            let (old, new) = (manifest[part]?.members ?? [], other.manifest[part]?.members ?? [])
            for name in Set((old + new).map(\.key)).sorted() {
                compare(part, name, manifest[part]?[name], other.manifest[part]?[name])
            }
        }
        compare("ledger", "batches", manifest["ledger"]?["batches"], other.manifest["ledger"]?["batches"])
        return found
    }

    public struct Difference: Hashable, Sendable {
        /// `tool`, `schema`, `files`, `switches`, `ledger`
        public let part: String
        public let name: String
        public let before: JSONValue
        public let after: JSONValue

        var json: JSONValue { ["part": .string(part), "name": .string(name), "before": before, "after": after] }
    }
}

/// `release list`, and one release alone.
public struct ReleaseReport: Report, Hashable {
    public let releases: [Release]
    public let isDetail: Bool

    public init(releases: [Release], isDetail: Bool = false) {
        self.releases = releases
        self.isDetail = isDetail
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        if isDetail, let members = releases.first?.json.members { return members }
        return [.init("releases", .array(releases.map(\.json)))]
    }
}

/// `release compare`
public struct ReleaseComparisonReport: Report, Hashable {
    public let from: String
    public let to: String
    public let differences: [Release.Difference]

    public init(from: String, to: String, differences: [Release.Difference]) {
        self.from = from
        self.to = to
        self.differences = differences
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("from", .string(from)), .init("to", .string(to)),
            .init("differences", .array(differences.map(\.json))),
        ]
    }
}

/// `release rollback`
public struct ReleaseRollbackReport: Report {
    public let release: String
    /// Files that became what they were, that came back, and that went.
    public let restored: [String]
    public let removed: [String]
    public let isDryRun: Bool
    /// The batches that were undone for it, the latest first.
    public let batches: [String]
    public let rollback: String?
    /// What a release does not bring back.
    public let warnings: [String]

    public init(
        release: String, restored: [String], removed: [String], isDryRun: Bool, batches: [String], rollback: String?,
        warnings: [String]
    ) {
        self.release = release
        self.restored = restored
        self.removed = removed
        self.isDryRun = isDryRun
        self.batches = batches
        self.rollback = rollback
        self.warnings = warnings
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("release", .string(release)), .init("restored", .array(restored.map(JSONValue.string))),
            .init("removed", .array(removed.map(JSONValue.string))),
            .init("batches", .array(batches.map(JSONValue.string))), .init("rollback", JSONValue(rollback)),
            .init("warnings", .array(warnings.map(JSONValue.string))), .init("dry_run", .bool(isDryRun)),
        ]
    }
}
