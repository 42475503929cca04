internal import BatchCatalog
internal import BatchCore
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The folder into which a batch puts files that are wrong. Nothing in it is deleted.
private struct QuarantineFolder {
    let path: String

    init(_ batch: BatchID, in session: Session) { path = "\(session.backups)/quarantine/\(batch)" }

    /// The name a file gets there: numbered, so that no two are one, and without anything that leads elsewhere.
    func place(_ number: Int, _ name: String) -> String {
        let last = name.pathNames.last ?? ""
        let plain = last.unicodeScalars.map { $0.value < 32 || $0.value == 127 || $0 == "\\" ? "_" : Character($0) }
        return "\(path)/\(number)_\(String(plain.prefix(120)))"
    }
}

/// `repair.manifest`: what is known of files, written down before a repair touches them.
struct ManifestStep: StepKind {
    static let name = "repair.manifest"
    static let fileName = "files.manifest"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                ManifestStep.name, .query,
                "Writes the rows of a query to `files.manifest` in the quarantine folder of the batch, one JSON object a line."
            ), beside: CatalogRules.tries)
    }

    var place: StepPlace { .files }

    func run(_ step: StepRun) throws(BatchError) {
        guard let query = step.definition.settings.string else { throw step.unreadable }
        try step.retrying { () throws(BatchError) in
            let folder = QuarantineFolder(step.batch, in: step.session)
            try Folder.create(folder.path)
            let path = "\(folder.path)/\(ManifestStep.fileName)"
            let prepared = try step.prepare(query: query, ManifestStep.name)
            let file = try TemporaryFile(for: path)
            var (lines, buffer) = (0, [UInt8]())
            try step.eachRow(prepared) { (columns, row) throws(BatchError) in
                let line = JSONValue.object(zip(columns, row).map { .init($0, $1.json) })
                buffer += Array((JSONWriter.text(line) + "\n").utf8)
                lines += 1
                if buffer.count > 1 << 16 {
                    try file.file.write(buffer)
                    buffer = []
                }
            }
            try file.file.write(buffer)
            try file.publish()
            try step.record(
                [
                    "path": .string(path), "files": JSONValue(lines),
                    "sha256": .string(try SHA256.hex(ofFile: path)),
                ], reading: prepared)
        }
    }
}

/// `repair.quarantine`: files that are wrong, taken out of the way. A rollback puts them back.
struct QuarantineStep: StepKind {
    static let name = "repair.quarantine"

    var keys: KeyChoice {
        KeyChoice(
            KeyRule(
                QuarantineStep.name, .query,
                "Moves files out of the way: for each row, the file `path` below the workspace is moved to the quarantine folder of the batch, or `content` is written there; `name` is what it is called."
            ), beside: CatalogRules.tries)
    }

    var place: StepPlace { .outside }

    func noun(_ step: StepDefinition) -> String { "quarantine of files" }

    /// One file that is put away.
    private struct Item {
        /// Below the workspace; nil when the content came out of the database.
        let path: String?
        let place: String

        var json: JSONValue { ["path": JSONValue(path), "place": .string(place)] }
    }

    func run(_ step: StepRun) throws(BatchError) {
        guard let query = step.definition.settings.string else { throw step.unreadable }
        try step.retrying { () throws(BatchError) in
            let files = WorkspaceFiles(root: step.session.workspace.folder)
            let prepared = try step.prepare(query: query, QuarantineStep.name)
            let items = try items(step, prepared, files)
            // Noted first: a rollback brings back what is in the quarantine, however far this came.
            try step.record(["files": .array(items.map(\.json))], reading: prepared)
            for item in items {
                guard let path = item.path, let place = files.place(of: path), Folder.exists(place) else { continue }
                try WorkspaceFiles.move(place, to: item.place)
                step.session.context.reach("file-quarantined")
            }
        }
    }

    /// Contents are written at once; files are only named.
    private func items(
        _ step: StepRun, _ prepared: GatewayStatement, _ files: WorkspaceFiles
    ) throws(BatchError) -> [Item] {
        let folder = QuarantineFolder(step.batch, in: step.session)
        var items: [Item] = []
        try step.eachRow(prepared) { (columns, row) throws(BatchError) in
            func value(_ name: String) -> SQLValue? {
                columns.firstIndex { $0.lowercased() == name }.map { row[$0] }
            }
            let path = value("path")?.string
            let place = folder.place(items.count + 1, value("name")?.string ?? path ?? "file")
            if let path {
                guard files.place(of: path) != nil else {
                    throw BatchError(
                        .forbiddenStatement, "step \(step.definition.id) names a file outside the workspace",
                        hint: "give paths below the folder of batchmgr.yaml; see docs/reliability.md")
                }
                items.append(Item(path: path, place: place))
            } else if let bytes = value("content")?.bytes {
                try Folder.create(folder.path)
                try DurableFile.write(bytes, to: place)
                items.append(Item(path: nil, place: place))
            }
        }
        return items
    }

    private func items(of effect: Effect) -> [Item] {
        (effect.detail["files"]?.array ?? []).compactMap { file in
            file["place"]?.string.map { Item(path: file["path"]?.string, place: $0) }
        }
    }

    func objectionToUndo(_ effect: Effect, of batch: BatchRecord, beside undone: Set<Int64>, in session: Session)
        -> UndoObjection?
    {
        let files = WorkspaceFiles(root: session.workspace.folder)
        for item in items(of: effect) where Folder.exists(item.place) {
            guard let path = item.path else { continue }
            guard let place = files.place(of: path), !Folder.exists(place) else {
                return .fault(
                    BatchError(
                        .fileExists, "a file of batch \(batch.batch) cannot go back to \(path): another file is there",
                        hint: "move that away, then try again"))
            }
        }
        return nil
    }

    func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        let files = WorkspaceFiles(root: session.workspace.folder)
        for item in items(of: effect) where Folder.exists(item.place) {
            // What came out of the database is there again with its row.
            guard let path = item.path else {
                try DurableFile.remove(item.place)
                continue
            }
            if let place = files.place(of: path) { try WorkspaceFiles.move(item.place, to: place) }
        }
    }

    var mayRedo: Bool { true }

    func redo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) -> [String] {
        let files = WorkspaceFiles(root: session.workspace.folder)
        var missing: [String] = []
        for item in items(of: effect) where !Folder.exists(item.place) {
            guard let path = item.path else {
                missing.append("the content that was written to \(item.place) is no longer in any file")
                continue
            }
            guard let place = files.place(of: path), Folder.exists(place) else {
                missing.append("the file \(path) is gone")
                continue
            }
            try WorkspaceFiles.move(place, to: item.place)
        }
        return missing
    }
}

extension StepRun {
    /// The rows of a query that the catalog gives, one after the other.
    fileprivate func eachRow(
        _ prepared: GatewayStatement, _ body: ([String], [SQLValue]) throws(BatchError) -> Void
    ) throws(BatchError) {
        try gateway.showingOwnRows { () throws(BatchError) in
            let statement = prepared.statement
            try statement.bind(named: bindings)
            defer { statement.reset() }
            let columns = (0..<statement.columnCount).map { statement.columnName($0) }
            while try statement.step() { try body(columns, statement.values) }
        }
    }
}

extension SQLValue {
    /// Of a BLOB or a text.
    fileprivate var bytes: [UInt8]? {
        if case .blob(let bytes) = self { return Array(bytes) }
        return string.map { Array($0.utf8) }
    }
}
