internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// `ocr.discover`: staging, then size, magic bytes, hash, disk, duplicate, work; in this order, each file for itself.
struct Discovery {
    private let stage: Stage
    private let staged: String?
    private let limit: Int
    private let search: ProfileSearch
    private let profile: DocumentProfile
    private let identity: EngineIdentity

    init(_ stage: Stage) throws(BatchError) {
        self.stage = stage
        func text(_ name: String) throws(BatchError) -> String? {
            let text = try stage.setting(name)
            return text.isEmpty ? nil : text
        }
        staged = try text("staged")
        limit = Int(stage.step.definition.settings["limit"]?.integer ?? 100)
        let declared = try ProfileList.load(folder: stage.step.session.workspace.catalog)
        search = ProfileSearch(declared, stage)
        let named = try declared.profile(named: try text("profile") ?? "default")
        profile = staged.flatMap(StagedProfile.init(staging:)).flatMap(search.profile) ?? named
        identity = try EngineIdentity(
            OCRProfile(profile, usual: stage.settings.languages, nonce: try text("nonce")), stage)
    }

    /// The same files by another profile, or as other documents.
    private init(_ other: Discovery, _ profile: DocumentProfile, nonce: String? = nil) throws(BatchError) {
        (stage, staged, limit, search) = (other.stage, other.staged, other.limit, other.search)
        self.profile = profile
        identity = try EngineIdentity(OCRProfile(profile, usual: stage.settings.languages, nonce: nonce), stage)
    }

    private var random: String { String(stage.step.session.context.randomID().prefix(16)) }

    func run() throws(BatchError) {
        try claim()
        try decide()
        let files = try staging()
        let released = try HeldFiles(stage.folders).released(stage.store)
        try identity.warm(stage, documents: files.count + released.count)
        for file in files {
            try stage.step.stopIfAsked()
            try reader(of: file).take(file.path)
        }
        for (key, path) in released {
            try stage.step.stopIfAsked()
            try take(path)
            try HeldFiles(stage.folders).tidy(key)
        }
        try sweep()
    }

    /// Work folders of documents that were done long ago; with `days: 0` of all that are done.
    private func sweep(days: Int? = nil) throws(BatchError) {
        let cleaning = DocumentCleaning(stage.store, stage.folders)
        for name in try cleaning.old(days: days ?? stage.settings.keepWorkDays) { try cleaning.remove(name) }
    }

    // MARK: Where files come from

    /// Documents that a batch before this one has left half done: it is dead, or the lease would not be ours.
    private func claim() throws(BatchError) {
        let left = try stage.store.documents(where: "batch <> ?", [.string(stage.batch)]).filter { !$0.state.isEnd }
        guard !left.isEmpty else { return }
        try stage.step.checkpoint { () throws(BatchError) in
            for document in left { try stage.set(document.key, [("batch", .string(stage.batch))]) }
        }
        for document in left where document.state.isBeforePages {
            let place = stage.folders.work(document.key) + "/input"
            guard let home = stage.folders.home(of: document.key, document.name), !home.hasPrefix(place) else {
                continue
            }
            _ = try DataFolders.move(home, to: place, as: document.name)
            try Folder.removeAll(stage.folders.error(document.key))
        }
    }

    /// The files to look at, out of everybody's way.
    private func staging() throws(BatchError) -> [StagedFile] {
        let folders = stage.folders
        let own = "\(folders.staging)/\(staged ?? "in-\(stage.batch)")"
        var files = try Leftovers(folders, stage.store).find(but: own)
        if staged == nil {
            try Folder.create(own)
            let inbox = InputFolder(folders.input, now: stage.step.session.context.now())
            let names = try inbox.ready(given: try inbox.giveText())
            let refused = try inbox.refused(names)
            let strange = Set(refused.map(\.name))
            let known = Array(names.filter { !strange.contains($0) }.prefix(limit))
            let short = try withoutRoom(known, inbox)
            let fetched = known.filter { !short.contains($0) }.compactMap { fetch($0, to: own) }
            let stays = try refused + fetched + inbox.strangers() + short.map { .init(name: $0, reason: .diskShort) }
            try? DurableFile.write(
                Array(JSONWriter.text(.array(stays.map(\.json))).utf8), to: folders.index + "/waiting.json")
        }
        files += try Folder.names(in: own).map { StagedFile(path: "\(own)/\($0)") }
        return files
    }

    /// Who takes a file by the profile for which it came; this one, where nobody knows that any more.
    private func reader(of file: StagedFile) throws(BatchError) -> Discovery {
        if case .hash(identity.hash) = file.profile { return self }
        let meant = file.profile.flatMap(search.profile)
        guard let meant, meant.name != profile.name else { return self }
        return try Discovery(self, meant)
    }

    /// Takes a file out of `in`. One that stays, whatever is wrong with it, holds up no other.
    /// - Returns: nil when it is taken.
    private func fetch(_ name: String, to own: String) -> StrangerInFolder? {
        do throws(BatchError) {
            try DurableFile.bring(
                "\(stage.folders.input)/\(name)", to: DataFolders.free(name, in: own),
                by: (own + StagingFolder.unfinished, own + StagingFolder.copied),
                reach: stage.step.session.context.reach)
            return nil
        } catch {
            stage.step.session.context.log.write(
                .warn, "documents.input", "\(name) stays in in: \(error.message)", module: .runner)
            return StrangerInFolder(name: name, reason: error.code == .diskFull ? .diskShort : .notMovable)
        }
    }

    /// Files for which the disk has no room: they stay in `in`, until it has. What can be cleaned is cleaned first.
    private func withoutRoom(_ names: [String], _ inbox: InputFolder) throws(BatchError) -> [String] {
        let settings = stage.settings
        guard settings.onDiskShort == .wait else { return [] }
        let short = inbox.withoutRoom(names, settings)
        guard !short.isEmpty else { return [] }
        try sweep(days: 0)
        return inbox.withoutRoom(names, settings)
    }

    // MARK: What was decided

    /// Carries out what stands in `decision.json` beside files that were here already.
    private func decide() throws(BatchError) {
        let folders = stage.folders
        for key in Folder.exists(folders.duplicates) ? try Folder.names(in: folders.duplicates) : [] {
            let folder = folders.held(key)
            switch DuplicateDecision.read(in: folder) {
            case nil: continue
            case .failure(let error): try reject(folder, error.detail)
            case .success(let decision):
                let files = try HeldFiles(folders).names(key)
                if decision.action == .reprocess {
                    let meant = try stage.store.document(key).flatMap(StagedProfile.init(of:)).flatMap(search.profile)
                    let other = try Discovery(self, meant ?? profile, nonce: decision.nonce ?? random)
                    for file in files { try other.take("\(folder)/\(file)") }
                } else {
                    let first = try stage.store.document(key).flatMap { folders.home(of: key, $0.name) }
                    guard let first, !first.hasPrefix(folder) else {
                        try reject(folder, "the first file is not there: this one is all that there is")
                        continue
                    }
                }
                try Folder.removeAll(folder)
            }
        }
    }

    private func reject(_ folder: String, _ reason: String) throws(BatchError) {
        stage.step.session.context.log.write(
            .warn, "documents.decision", "\(folder)/\(DuplicateDecision.file) is not carried out: \(reason)",
            module: .runner)
        try DurableFile.rename(
            "\(folder)/\(DuplicateDecision.file)", to: "\(folder)/\(DuplicateDecision.rejected)")
    }

    // MARK: One file

    private func take(_ path: String) throws(BatchError) {
        var name = DataFolders.plain(FilePath.name(path))
        guard let status = FileStatus(path, followingLinks: false), status.isFile else { return }
        let hash = try SHA256.hex(ofFile: path)
        let key = "\(hash)__\(identity.hash)"
        let kind = InputKind((try? File(reading: path).read(2_048)) ?? [])
        // Who waits in `in` for room was asked there.
        let mayWait = staged == nil && stage.settings.onDiskShort == .wait
        let free = mayWait ? nil : HostFigures.freeDisk(stage.folders.root)
        let fault = InputFolder.fault(status.size, kind, stage.settings, free: free)
        if let known = try stage.store.document(key) {
            guard known.state.isFailed else { return try receive(path, name, known) }
            return try again(path, known)
        }
        let target = fault == nil ? stage.folders.work(key) + "/input" : stage.folders.error(key)
        // It may be there already, when the tool was killed after this line.
        if path != "\(target)/\(name)" { name = FilePath.name(try DataFolders.move(path, to: target, as: name)) }
        stage.step.session.context.reach("document-moved")
        try stage.step.checkpoint(noting: ["taken": .string(key), "name": .string(name)]) { () throws(BatchError) in
            try insert(key, name, kind, status.size, hash, fault)
        }
        if fault == nil {
            try stage.writeState(key)
        } else if let failed = try stage.store.document(key) {
            StateFile(failed, stage.folders).write(to: stage.folders.error(key))
        }
    }

    private func insert(
        _ key: String, _ name: String, _ kind: InputKind?, _ size: Int64, _ hash: String, _ fault: DocumentFault?
    ) throws(BatchError) {
        let now = stage.now
        try stage.write(
            """
            INSERT INTO main.ocr_documents(key, name, state, batch, kind, size, file_sha256, profile, profile_sha256, error,
            message, created_at, updated_at) VALUES(:key, :name, :state, :batch, :kind, :size, :hash, :profile, :profile_hash,
            :error, :message, :now, :now)
            """,
            [
                "key": .string(key), "name": .string(name),
                "state": .string((fault == nil ? DocumentState.discovered : .errorPrep).rawValue),
                "batch": .string(stage.batch), "kind": .optional(kind?.rawValue), "size": .integer(size),
                "hash": .string(hash), "profile": .string(identity.profileText),
                "profile_hash": .string(identity.hash), "error": .optional(fault?.rawValue),
                "message": .optional(fault?.words), "now": .string(now),
            ])
    }

    /// The same file was tried before, in vain: it begins anew.
    private func again(_ path: String, _ known: DocumentRecord) throws(BatchError) {
        if let old = stage.folders.home(of: known.key, known.name) { Folder.remove(old) }
        _ = try DataFolders.move(path, to: stage.folders.work(known.key) + "/input", as: known.name)
        try Requeue(stage).perform(known)
    }

    /// A file that was here already, as the profile says.
    private func receive(_ path: String, _ name: String, _ known: DocumentRecord) throws(BatchError) {
        switch profile.duplicates {
        case .ask: try hold(path, name, known)
        case .reuse:
            // What came in is the last copy of its bytes when that of the first one was taken elsewhere.
            guard stage.folders.home(of: known.key, known.name) != nil else { return try hold(path, name, known) }
            Folder.remove(path)
        case .process: try Discovery(self, profile, nonce: random).take(path)
        case .reject: _ = try DataFolders.move(path, to: stage.folders.error(known.key), as: name)
        }
    }

    private func hold(_ path: String, _ name: String, _ known: DocumentRecord) throws(BatchError) {
        let folders = stage.folders
        let held = try DataFolders.move(path, to: folders.held(known.key), as: name)
        let report: JSONValue = [
            "jobKey": .string(known.key), "state": .string(DocumentState.duplicatePending.rawValue),
            "file": .string(held), "existing": StateFile(known, folders).json,
            "decisions": .array(DuplicateDecision.actions.map { .string($0.name) }),
        ]
        try DurableFile.write(
            Array(JSONWriter.text(report, indented: true).utf8),
            to: "\(folders.root)/reports/duplicates/\(known.key).json")
        try stage.step.checkpoint(
            noting: [
                "held": .string(known.key), "name": .string(name), "file": .string(FilePath.name(held)),
                "sha256": .string(known.fileHash),
            ]) {}
    }
}

/// Puts a document at the beginning again.
struct Requeue {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func perform(_ document: DocumentRecord) throws(BatchError) {
        try stage.step.checkpoint(noting: ["taken": .string(document.key), "name": .string(document.name)]) {
            () throws(BatchError) in
            try stage.removePages(of: document.key)
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.discovered.rawValue)), ("batch", .string(stage.batch)),
                    ("attempts_prep", .integer(0)), ("attempts_ocr", .integer(0)), ("error", .null), ("message", .null),
                ])
        }
    }
}

extension Stage {
    /// Call it in a checkpoint.
    func removePages(of key: String) throws(BatchError) {
        let pages = "(SELECT id FROM main.ocr_pages WHERE document = :key)"
        try write("DELETE FROM main.ocr_text WHERE rowid IN \(pages)", ["key": .string(key)])
        try write("DELETE FROM main.ocr_words WHERE page IN \(pages)", ["key": .string(key)])
        for table in ["ocr_pages", "ocr_review"] {
            try write("DELETE FROM main.\(table) WHERE document = :key", ["key": .string(key)])
        }
    }
}
