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

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        switch Action(rawValue: try stage.setting("action")) {
        case .cancel:
            let document = try stage.store.document(meant: try stage.setting("key"))
            guard !document.state.isEnd || document.state == .review else { return }
            try stage.step.checkpoint { () throws(BatchError) in
                try stage.set(document.key, [("batch", .string(stage.batch))])
            }
            try stage.fail(
                document, DocumentError(.cancelled),
                noting: ["rejected": .string(document.key), "name": .string(document.name)])
        case .purge: try purge(try stage.setting("key"))
        case .reset: try reset()
        case nil:
            throw BatchError(
                .usage, "the action is not one of cancel, purge, reset", hint: "see: \(command: "ocr purge --help")")
        }
    }

    // MARK: One document

    /// Rows first: what is noted with them says which files go, also to whoever continues this after a kill.
    private func purge(_ key: String) throws(BatchError) {
        let folders = stage.folders
        let place = "hold/purged/\(stage.batch)"
        if let document = try stage.store.document(key) {
            var made = [document.finalPDF].compactMap(\.self)
            for file in try stage.store.besides(of: key) where !made.contains(file.name) { made.append(file.name) }
            let own = ["work", "archive", "error", "hold/duplicates"].map { "\($0)/\(key)" }
            let all = (own + made.map { "out/\($0)" }).map(JSONValue.string)
            let note: JSONValue = ["purged": .array(all), "place": .string(place)]
            try stage.step.checkpoint(noting: note) { () throws(BatchError) in
                try stage.removePages(of: key)
                try stage.write([], of: key, insteadOf: [.staged, .entered, .given])
                try stage.write("DELETE FROM main.ocr_documents WHERE key = :key", ["key": .string(key)])
            }
        }
        stage.step.session.context.reach("document-purged")
        for path in try stage.store.purged(to: place) where Folder.exists("\(folders.root)/\(path)") {
            let target = "\(folders.root)/\(place)/\(path)"
            try Folder.create(FilePath.parent(target))
            try DurableFile.rename("\(folders.root)/\(path)", to: target)
            try Folder.sync(FilePath.parent(target))
            stage.step.session.context.reach("purged-file-moved")
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

    /// What `undo` of a purge has put back goes to its place once more.
    static func redo(_ effect: Effect, _ folders: DataFolders) throws(BatchError) {
        guard let place = effect.detail["place"]?.string else { return }
        for path in (effect.detail["purged"]?.array ?? []).compactMap(\.string) {
            let (home, kept) = ("\(folders.root)/\(path)", "\(folders.root)/\(place)/\(path)")
            guard Folder.exists(home), !Folder.exists(kept) else { continue }
            try Folder.create(FilePath.parent(kept))
            try DurableFile.rename(home, to: kept)
            try Folder.sync(FilePath.parent(kept))
        }
    }

    // MARK: All documents

    private func reset() throws(BatchError) {
        let archive = DataArchive(try stage.setting("archive"), stage.folders)
        let kept = Set(try stage.setting("keep").split(separator: ",").map(String.init))
        let members = try archive.members().filter { !kept.contains(String($0.prefix { $0 != "/" })) }
        let before = members.map { ($0, status($0)) }
        // Without rows it was killed later than here before: what is left is compared, and goes.
        let hasRows = !(try stage.store.keys()).isEmpty
        try archive.verify(hasRows ? nil : before.filter { $0.1 != nil }.map(\.0))
        if hasRows {
            try stage.step.checkpoint(noting: ["reset": .string(archive.file)]) { () throws(BatchError) in
                for table in DocumentJobs.all.reversed() { try stage.write("DELETE FROM main.\(table)", [:]) }
            }
        }
        // What has come or was changed since is in no archive, and stays; so does what an intake is about to take.
        for (path, status) in before where status == self.status(path) {
            Folder.remove("\(stage.folders.root)/\(path)")
            stage.step.session.context.reach("documents-removed")
        }
        for name in try Folder.names(in: stage.folders.root) where !kept.contains(name) {
            try Folder.removeEmpty("\(stage.folders.root)/\(name)")
        }
        try stage.folders.create()
    }

    private func status(_ path: String) -> FileStatus? {
        FileStatus("\(stage.folders.root)/\(path)", followingLinks: false)
    }
}

/// All files of the documents in one: `FILE.tar.zst`.
struct DataArchive {
    let file: String
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

    /// - Parameter names: only these; nil: all that are in it.
    /// - Throws: when a file differs from the one in the archive, or is not there.
    func verify(_ names: [String]? = nil) throws(BatchError) {
        guard let names else {
            try tar(["--diff"])
            return
        }
        guard !names.isEmpty else { return }
        let list = file + ".names"
        defer { Folder.remove(list) }
        try DurableFile.write(names.flatMap { Array("./\($0)\0".utf8) }, to: list)
        try tar(["--diff", "--null", "--verbatim-files-from", "--files-from", list])
    }

    func unpack() throws(BatchError) { try tar(["--extract", "--skip-old-files"]) }

    /// The files in it, as paths below the folder of the documents.
    func members() throws(BatchError) -> [String] {
        try tar(["--list", "--quoting-style=c"]).split(separator: "\n").compactMap { line in
            guard line.hasPrefix("\"./"), line.hasSuffix("\""), !line.hasSuffix("/\"") else { return nil }
            return DataArchive.unquoted(line.dropFirst(3).dropLast())
        }
    }

    /// The text of a C string: tar writes every byte that is not of ASCII in octal.
    private static func unquoted(_ text: Substring) -> String? {
        let names: [UInt8: UInt8] = [
            UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "a"): 7,
            UInt8(ascii: "b"): 8, UInt8(ascii: "v"): 11, UInt8(ascii: "f"): 12,
        ]
        var (bytes, rest) = ([UInt8](), text.utf8)
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            if let octal = String(rest.prefix(3)).flatMap({ UInt8($0, radix: 8) }), rest.count >= 3 {
                bytes.append(octal)
                rest = rest.dropFirst(3)
            } else if let next = rest.popFirst() {
                bytes.append(names[next] ?? next)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// So many names may be listed.
    private static let longestList = 256 << 20

    @discardableResult
    private func tar(_ arguments: [String]) throws(BatchError) -> String {
        let program = CommandLineProgram(
            arguments: ["tar", "--zstd", "--file", file] + arguments, environment: ["LC_ALL": "C"],
            folder: folders.root, outputLimit: DataArchive.longestList)
        let outcome = try ExternalCommand(program).run()
        if case .exited(0) = outcome.ending, outcome.output.total <= DataArchive.longestList {
            return outcome.output.text
        }
        throw BatchError(
            .file, "tar with \(FilePath.name(file)) failed: \(outcome.errors.lastLine ?? "it gave no reason")",
            hint: "the documents are as they were; see what is wrong, and try once more")
    }
}
