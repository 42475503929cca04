internal import BatchCatalog
internal import BatchControl
public import BatchCore
public import BatchEngine
internal import BatchSystem

/// The releases of a workspace: what was in use when it worked, and the way back to it.
public struct Releases {
    private let session: Session
    private let store: any HealingStore
    private let tool: String

    /// - Parameter tool: its version.
    public init(_ session: Session, tool: String) throws(BatchError) {
        self.session = session
        self.tool = tool
        store = try session.context.store(of: session.workspace)
    }

    // MARK: Kept

    /// Keeps what is in use now: a copy of the catalog and of the configuration, and what tells the rest apart.
    public func record(_ name: String?) throws(BatchError) -> ReleaseReport {
        let now = session.context.now()
        let name = name ?? "r" + now.iso8601.filter(\.isNumber).prefix(14)
        guard JobID.isValid(name) else {
            throw BatchError(.usage, "'\(name)' cannot name a release", hint: "give a name of \(JobID.rule)")
        }
        let files = try files()
        let release = Release(name: name, at: now, manifest: try manifest(files))
        try store.add(release, files: files, session.context.act(on: "release record"))
        return ReleaseReport(releases: [release], isDetail: true)
    }

    /// Says that it works. The newest of these is what `release rollback` leads back to.
    public func validate(_ name: String) throws(BatchError) -> ReleaseReport {
        _ = try release(name)
        try store.validate(name, session.context.act(on: "release validate"))
        return ReleaseReport(releases: [try release(name)], isDetail: true)
    }

    public func list() throws(BatchError) -> ReleaseReport { ReleaseReport(releases: try store.releases()) }

    public func show(_ name: String) throws(BatchError) -> ReleaseReport {
        ReleaseReport(releases: [try release(name)], isDetail: true)
    }

    /// - Parameter other: nil: what is in use now.
    public func compare(_ name: String, _ other: String?) throws(BatchError) -> ReleaseComparisonReport {
        let first = try release(name)
        let named = try other.map { (name) throws(BatchError) in try release(name) }
        let second = if let named { named } else { try current() }
        return ReleaseComparisonReport(
            from: first.name, to: other ?? "now", differences: first.differences(from: second))
    }

    private func release(_ name: String) throws(BatchError) -> Release {
        let releases = try store.releases()
        if let release = releases.first(where: { $0.name == name }) { return release }
        throw BatchError(
            .unknownName, "there is no release '\(name)'\(Suggestion.clause(for: name, in: releases.map(\.name)))",
            hint: "see them: \(command: "release list")")
    }

    private func current() throws(BatchError) -> Release {
        Release(name: "now", at: session.context.now(), manifest: try manifest(try files()))
    }

    // MARK: What is in use

    private func manifest(_ files: [(path: String, content: [UInt8])]) throws(BatchError) -> JSONValue {
        let state = try session.releaseState()
        let now = session.context.now()
        let switches = try session.context.store(of: session.workspace).switches().states.filter { $0.holds(at: now) }
        return [
            "tool": .string(tool), "schema": state.schema,
            "files": .object(files.map { .init($0.path, .string(Session.sha256($0.content))) }),
            "switches": .object(switches.map { .init($0.name.description, .string($0.value.rawValue)) }),
            "ledger": state.ledger,
        ]
    }

    /// The configuration and the catalog, by their paths in the workspace.
    private func files() throws(BatchError) -> [(path: String, content: [UInt8])] {
        let workspace = session.workspace
        var files: [(path: String, content: [UInt8])] = []
        if let file = workspace.file { files.append((Workspace.fileName, try DurableFile.read(file))) }
        guard let catalog = workspace.catalog, Folder.exists(catalog) else { return files }
        for name in try catalogFiles(catalog) {
            files.append(("\(Releases.prefix)\(name)", try DurableFile.read(FilePath.join(catalog, name))))
        }
        return files.sorted { $0.path < $1.path }
    }

    private static let prefix = "catalog/"

    /// Its YAML files, also those of runbooks.
    private func catalogFiles(_ folder: String) throws(BatchError) -> [String] {
        func isYAML(_ name: String) -> Bool {
            !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
        }
        var names = try Folder.names(in: folder).filter(isYAML)
        let below = FilePath.join(folder, "runbooks")
        if Folder.exists(below) { names += try Folder.names(in: below).filter(isYAML).map { "runbooks/\($0)" } }
        return names.sorted()
    }

    private func place(_ path: String) -> String {
        guard path.hasPrefix(Releases.prefix), let catalog = session.workspace.catalog else {
            return session.workspace.file ?? FilePath.join(session.workspace.folder, path)
        }
        return FilePath.join(catalog, String(path.dropFirst(Releases.prefix.count)))
    }

    // MARK: The way back

    /// Puts catalog and configuration back as a release has them. The schema is compared first.
    /// - Parameters:
    ///   - name: nil: the newest that was validated.
    ///   - withBatches: undo the batches that changed the schema since, and what depends on them, in one transaction;
    ///     else a schema that differs is refused.
    /// - Throws: `ERR_DATA_SCHEMA_CHANGED` with the batches that changed it.
    public func rollback(
        _ name: String?, isDryRun: Bool, withBatches: Bool
    ) throws(BatchError) -> ReleaseRollbackReport {
        let release = try target(name)
        let before = try current()
        var (batches, rollback): ([BatchID], String?) = ([], nil)
        if before.manifest["schema"] != release.manifest["schema"] {
            batches = try session.schemaBatches(since: release.manifest["ledger"]?["sequence"]?.integer ?? 0)
            guard withBatches, let first = batches.last else { throw Releases.schemaDiffers(release, batches) }
            (batches, rollback) = try undo(first, Array(batches.dropLast()), isDryRun: isDryRun)
            if !isDryRun, try session.releaseState().schema != release.manifest["schema"] {
                throw Releases.schemaStillDiffers(release, rollback)
            }
        }
        let (restored, removed) = try restore(release, isDryRun: isDryRun)
        var warnings: [String] = []
        if let tool = release.manifest["tool"]?.string, tool != self.tool {
            warnings.append("batchmgr was \(tool) then, and is \(self.tool) now: install that version too")
        }
        warnings += release.differences(from: before).filter { $0.part == "switches" }.map {
            "\($0.name) was \($0.before.string ?? "not set") then, and is \($0.after.string ?? "not set")"
        }
        return ReleaseRollbackReport(
            release: release.name, restored: restored, removed: removed, isDryRun: isDryRun,
            batches: batches.map(\.description), rollback: rollback, warnings: warnings)
    }

    /// - Returns: all that were undone, with what depends on them.
    private func undo(
        _ batch: BatchID, _ others: [BatchID], isDryRun: Bool
    ) throws(BatchError) -> (batches: [BatchID], rollback: String?) {
        var request = RollbackRequest(batch: .batch(batch), mode: .cascade, isDryRun: isDryRun)
        request.besides = others
        switch try Rollback(session).perform(request) {
        case .done(let report): return (report.order, report.rollback?.description)
        case .refused(let refusal): throw refusal.error
        }
    }

    private func target(_ name: String?) throws(BatchError) -> Release {
        if let name { return try release(name) }
        if let release = try store.releases().first(where: { $0.validatedAt != nil }) { return release }
        throw BatchError(
            .wrongState, "no release has been validated",
            hint: "mark one as working: \(command: "release validate NAME")")
    }

    /// A release is young enough to be blamed for so long.
    private static let youth: Int64 = 86_400_000

    /// The release that may be gone back to without asking: the last validated one before the newest, when that is less
    /// than a day old, more batches fail since, and the schema is the same; nil otherwise.
    public func automaticTarget() throws(BatchError) -> String? {
        // What a repair has kept for its own undo is no release of people.
        let known = try store.releases().filter { !$0.name.hasPrefix(Releases.ownPrefix) }
        let now = session.context.now()
        guard let newest = known.first, now.milliseconds - newest.at.milliseconds < Releases.youth,
            let target = known.dropFirst().first(where: { $0.validatedAt != nil })
        else { return nil }
        let present = try current()
        guard present.manifest["schema"] == target.manifest["schema"],
            present.manifest["files"] != target.manifest["files"], try isBurning(since: newest.at, now)
        else { return nil }
        return target.name
    }

    static let ownPrefix = "before_repair_rollback_release"
    /// Fewer batches prove nothing.
    private static let fewest = 3
    private static let burningShare = 0.1

    /// More than a tenth of the batches failed since, and more of them than in the same time before.
    private func isBurning(since time: Timestamp, _ now: Timestamp) throws(BatchError) -> Bool {
        let span = now.milliseconds - time.milliseconds
        let batches = try session.list(ListRequest(limit: 10_000)).batches.filter {
            $0.status != .running && $0.status != .stopped && $0.batch.job != Releases.repair
        }
        func failed(_ range: Range<Int64>) -> (count: Int, share: Double) {
            let own = batches.filter { range.contains($0.startedAt.milliseconds) }
            let bad = own.count { $0.status == .failed }
            return (own.count, own.isEmpty ? 0 : Double(bad) / Double(own.count))
        }
        let since = failed(time.milliseconds..<Int64.max)
        let before = failed((time.milliseconds - span)..<time.milliseconds)
        return since.count >= Releases.fewest && since.share > Releases.burningShare && since.share > before.share
    }

    private static let repair = "repair_rollback_release"

    /// The batches are undone by then: to undo them once more would not help.
    private static func schemaStillDiffers(_ release: Release, _ rollback: String?) -> BatchError {
        BatchError(
            .schemaChanged,
            "\(rollback ?? "the rollback") has undone the batches since release \(release.name), and the schema still is not "
                + "that of the release: somebody changed it outside any batch",
            hint: "see what differs: \(command: "release compare \(release.name)")")
    }

    private static func schemaDiffers(_ release: Release, _ batches: [BatchID]) -> BatchError {
        let who =
            batches.isEmpty
            ? "no batch did that"
            : "changed by \(batches.map(\.description).joined(separator: ", "))"
        return BatchError(
            .schemaChanged, "the schema is not that of release \(release.name): \(who)",
            hint: batches.isEmpty
                ? "see what changed: \(command: "drift show")"
                : "undo them with it: \(command: "release rollback \(release.name) --with-batches")")
    }

    /// What a release does not have is moved beside the reports, not thrown away.
    private func restore(_ release: Release, isDryRun: Bool) throws(BatchError) -> (
        restored: [String], removed: [String]
    ) {
        let wanted = try store.files(of: release.name)
        let now = try files()
        let restored = wanted.filter { file in !now.contains { $0.path == file.path && $0.content == file.content } }
        let removed = now.filter { file in
            file.path != Workspace.fileName && !wanted.contains { $0.path == file.path }
        }
        guard !isDryRun else { return (restored.map(\.path), removed.map(\.path)) }
        if !removed.isEmpty {
            let stamp = session.context.now().iso8601.filter(\.isNumber).prefix(14)
            let folder = session.workspace.backups + "/reports/removed_\(stamp)"
            try Folder.create(folder)
            for file in removed {
                try DurableFile.create(
                    file.content, as: "\(folder)/\(String(file.path.map { $0 == "/" ? "_" : $0 }))")
                try DurableFile.remove(place(file.path))
            }
        }
        for file in restored {
            try Folder.create(FilePath.parent(place(file.path)))
            try DurableFile.write(file.content, to: place(file.path))
        }
        return (restored.map(\.path), removed.map(\.path))
    }
}
