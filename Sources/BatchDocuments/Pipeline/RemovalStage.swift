internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// `ocr.remove`: documents that are cancelled, or whose rows and files are to go. A rollback brings both back.
struct RemovalStage {
    enum Action: String {
        /// It is worked on no longer.
        case cancel
        /// Its rows go; its files go to `hold/purged`.
        case purge
        /// All documents; the files are in an archive.
        case reset
    }

    private let stage: Stage
    private let values: CommandTemplate.Values

    init(_ stage: Stage) {
        self.stage = stage
        values = stage.step.placeholders
    }

    func run() throws(BatchError) {
        switch Action(rawValue: try setting("action")) {
        case .cancel:
            let document = try stage.store.document(meant: try setting("key"))
            guard !document.state.isEnd || document.state == .review else { return }
            try stage.step.checkpoint { () throws(BatchError) in
                try stage.set(document.key, [("batch", .string(stage.batch))])
            }
            try stage.fail(
                document, DocumentError(.cancelled),
                noting: ["rejected": .string(document.key), "name": .string(document.name)])
        case .purge: try purge(try setting("key"))
        case .reset: try reset()
        case nil:
            throw BatchError(
                .usage, "the action is none of cancel, purge, reset", hint: "see: \(command: "ocr purge --help")")
        }
    }

    private func setting(_ name: String) throws(BatchError) -> String {
        guard let template = stage.step.definition.settings[name]?.string else { return "" }
        return try CommandTemplate([template]).filled(with: values).first ?? ""
    }

    // MARK: One document

    private func purge(_ key: String) throws(BatchError) {
        let folders = stage.folders
        let place = "hold/purged/\(stage.batch)"
        let pdf = try stage.store.document(key)?.finalPDF
        let own = ["work", "archive", "error", "hold/duplicates"].map { "\($0)/\(key)" }
        let all = own + (pdf.map { ["out/\($0)"] } ?? [])
        for path in all where Folder.exists("\(folders.root)/\(path)") {
            let target = "\(folders.root)/\(place)/\(path)"
            try Folder.create(FilePath.parent(target))
            try DurableFile.rename("\(folders.root)/\(path)", to: target)
            try Folder.sync(FilePath.parent(target))
        }
        guard try stage.store.document(key) != nil else { return }
        let note: JSONValue = ["purged": .array(all.map(JSONValue.string)), "place": .string(place)]
        try stage.step.checkpoint(noting: note) { () throws(BatchError) in
            try stage.removePages(of: key)
            try stage.write("DELETE FROM main.ocr_documents WHERE key = :key", ["key": .string(key)])
        }
    }

    /// Where the files of a purge, or of a reset, were before.
    static func undo(_ effect: Effect, _ folders: DataFolders) throws(BatchError) {
        if let place = effect.detail["place"]?.string {
            for path in (effect.detail["purged"]?.array ?? []).compactMap(\.string) {
                let kept = "\(folders.root)/\(place)/\(path)"
                let home = "\(folders.root)/\(path)"
                guard Folder.exists(kept), !Folder.exists(home) else { continue }
                try Folder.create(FilePath.parent(home))
                try DurableFile.rename(kept, to: home)
                try Folder.sync(FilePath.parent(home))
            }
            try Folder.removeAll("\(folders.root)/\(place)")
        }
        if let archive = effect.detail["reset"]?.string {
            try DataArchive(archive, folders).unpack()
        }
    }

    // MARK: All documents

    private func reset() throws(BatchError) {
        let archive = try setting("archive")
        let kept = Set(try setting("keep").split(separator: ",").map(String.init))
        try DataArchive(archive, stage.folders).verify()
        if !(try stage.store.documents()).isEmpty {
            try stage.step.checkpoint(noting: ["reset": .string(archive)]) { () throws(BatchError) in
                for table in DocumentJobs.all.reversed() { try stage.write("DELETE FROM main.\(table)", [:]) }
            }
        }
        for name in try Folder.names(in: stage.folders.root) where !kept.contains(name) {
            try Folder.removeAll("\(stage.folders.root)/\(name)")
        }
        try stage.folders.create()
    }
}

/// All files of the documents in one: `FILE.tar.zst`.
struct DataArchive {
    private let file: String
    private let folders: DataFolders

    init(_ file: String, _ folders: DataFolders) {
        self.file = file
        self.folders = folders
    }

    func write() throws(BatchError) {
        try tar(["--create", "--exclude=./work/_staging", "."])
        try DurableFile.sync(file)
        try verify()
    }

    /// - Throws: when a file differs from the one in the archive, or is not in it.
    func verify() throws(BatchError) { try tar(["--diff"]) }

    func unpack() throws(BatchError) { try tar(["--extract", "--skip-old-files"]) }

    private func tar(_ arguments: [String]) throws(BatchError) {
        let program = CommandLineProgram(
            arguments: ["tar", "--zstd", "--file", file] + arguments, folder: folders.root)
        let outcome = try ExternalCommand(program).run()
        if case .exited(0) = outcome.ending { return }
        throw BatchError(
            .file, "tar with \(FilePath.name(file)) failed: \(outcome.errors.lastLine ?? "it said nothing")",
            hint: "the documents are as they were; see what is wrong, and try once more")
    }
}
