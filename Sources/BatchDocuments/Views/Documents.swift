public import BatchCatalog
public import BatchCore
public import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// The documents of a database, as the verbs see them.
public struct Documents {
    let session: Session
    let folders: DataFolders
    let store: DocumentStore

    public init(_ session: Session) {
        self.session = session
        folders = DataFolders(root: session.workspace.data)
        store = DocumentStore(session: session)
    }

    // MARK: Taking in

    /// Copies files to a folder of their own, and reads them in one batch.
    public func add(_ files: [String], profile: String?) throws(BatchError) -> DocumentReport {
        try requireFiles(files)
        try requireProfile(profile)
        try folders.create()
        let name = StagingFolder.name(session.context.randomID(), profile.map(StagedProfile.named))
        let folder = "\(folders.staging)/\(name)"
        do throws(BatchError) {
            let lock = try stage(files, in: folder)
            defer { withExtendedLifetime(lock) {} }
            let report = try intake(profile: profile, staged: name)
            Folder.removeIfEmpty(folder)
            return report
        } catch {
            // What was not taken are copies; nobody must take them later, with another profile. A stopped batch goes on.
            if error.code != .stopped { try? Folder.removeAll(folder) }
            throw error
        }
    }

    /// All of them, or none: the folder has its name when they are whole.
    private func stage(_ files: [String], in folder: String) throws(BatchError) -> FolderLock {
        let unfinished = folder + StagingFolder.unfinished
        do throws(BatchError) {
            let lock = try StagingFolder.make(unfinished)
            for file in files {
                let copy = try File(creating: DataFolders.free(DataFolders.plain(FilePath.name(file)), in: unfinished))
                try copy.copy(of: file)
                try copy.sync()
            }
            try Folder.sync(unfinished)
            try DurableFile.rename(unfinished, to: folder)
            try Folder.sync(folders.staging)
            return lock
        } catch {
            try? Folder.removeAll(unfinished)
            throw error
        }
    }

    /// Copies files into `in`, for the next intake.
    public func drop(_ files: [String]) throws(BatchError) -> DocumentReport {
        try requireFiles(files)
        try folders.create()
        for file in files {
            let target = DataFolders.free(DataFolders.plain(FilePath.name(file)), in: folders.input)
            let copy = try TemporaryFile(for: target + ".part")
            try copy.file.copy(of: file)
            try copy.publish()
            try DurableFile.move(target + ".part", to: target)
        }
        return DocumentReport(entries: [], output: folders.output, waiting: files.count)
    }

    /// Before anything is taken.
    private func requireProfile(_ name: String?) throws(BatchError) {
        _ = try ProfileList.load(folder: session.workspace.catalog).profile(named: name ?? "default")
    }

    private func requireFiles(_ files: [String]) throws(BatchError) {
        for file in files where FileStatus(file)?.isFile != true {
            throw BatchError(.fileMissing, "there is no file \(file)", hint: "check the path")
        }
    }

    /// Reads what is in `in`.
    public func discover(profile: String?) throws(BatchError) -> DocumentReport {
        try requireProfile(profile)
        try folders.create()
        let report = try intake(profile: profile, staged: "")
        let inbox = try DocumentInbox(session)
        return DocumentReport(
            entries: report.entries, output: report.output, batch: report.batch, waiting: inbox.ready.count,
            short: inbox.short,
            strangers: inbox.strangers.map { .init(name: $0.name, reason: $0.reason.rawValue, words: $0.reason.words) },
            absence: .nothingToRead)
    }

    func intake(
        profile: String?, staged: String, nonce: String? = nil
    ) throws(BatchError) -> DocumentReport {
        let set = ["profile=\(profile ?? "default")", "staged=\(staged)"] + (nonce.map { ["nonce=\($0)"] } ?? [])
        return try run(try job("ocr_intake", DocumentJobs.intake), set)
    }

    /// Reads documents again that could not be read.
    /// - Parameters:
    ///   - key: only this one.
    ///   - reason: only those with this fault, by its name or that of its counter; nil: those of which another try may
    ///     end differently, or the one.
    ///   - state: only those in it; nil or `ERROR`: all that have failed.
    public func retry(_ key: String?, reason: String?, state: String? = nil) throws(BatchError) -> DocumentReport {
        let document = try key.map { (key) throws(BatchError) in try store.document(meant: key) }
        guard try store.exists() else {
            return DocumentReport(entries: [], output: folders.output, absence: .nothingToRetry)
        }
        let fault = reason.flatMap(DocumentFault.init(named:))
        if let reason, fault == nil {
            throw BatchError(
                .usage,
                "'\(reason)' is not a fault\(Suggestion.clause(for: reason, in: DocumentFault.allCases.map(\.rawValue)))",
                hint: "see the faults of documents: \(command: "ocr list")")
        }
        var set: [String] = []
        if let document { set.append("key=\(document.key)") }
        if let fault { set.append("reason=\(fault.rawValue)") }
        if let state, state != "ERROR" { set.append("state=\(state)") }
        let report = try run(try job("repair_reprocess_ocr_batch", DocumentJobs.reprocess), set)
        guard report.entries.isEmpty else { return report }
        return DocumentReport(
            entries: [], output: report.output, batch: report.batch, absence: .nothingToRetry)
    }

    /// - Parameter key: the document that it is about; nil: all that the batch has taken.
    func run(_ job: JobDefinition, _ set: [String], about key: String? = nil) throws(BatchError) -> DocumentReport {
        if try !isReady() {
            var order = RunOrder(
                job: try self.job("ocr_tables", DocumentJobs.tables), values: ParameterValues([]))
            order.isAnew = true
            _ = try Runner(session).submit(order)
        }
        var order = RunOrder(job: job, values: try ParameterValues(job, set: set))
        let remove = try self.job("ocr_remove", DocumentJobs.remove)
        if job.id != remove.id { _ = try completed(remove) }
        let continued = try completed(job)
        // What could not be gone on with is taken over.
        order.isAnew = true
        switch try Runner(session).submit(order) {
        case .ran(let run):
            if let key {
                return DocumentReport(
                    entries: [try store.document(key)].compactMap { $0?.report }, output: folders.output,
                    batch: "\(run.batch)")
            }
            let (before, own) = (try continued.map(taken(by:)) ?? [], try taken(by: run.batch))
            let batch = own.isEmpty && !before.isEmpty ? continued ?? run.batch : run.batch
            return DocumentReport(entries: before + own, output: folders.output, batch: "\(batch)")
        case .planned(let plan):
            throw BatchError(
                .approvalRequired, "\(plan.id) was made instead of a batch of \(job.id), and waits for approval",
                hint: "read it: \(command: "plan show --id \(plan.id)")")
        }
    }

    /// The documents that a batch has, and the files that are held since then.
    private func taken(by batch: BatchID) throws(BatchError) -> [DocumentReport.Entry] {
        try store.documents(where: "batch = ?", [.string("\(batch)")]).map(\.report)
            + store.duplicates(heldBy: "\(batch)")
    }

    /// Completes the latest batch of the job, when that was stopped or killed on its way: nobody has to settle it by hand.
    /// - Returns: nil when there is none, or it cannot be gone on with.
    private func completed(_ job: JobDefinition) throws(BatchError) -> BatchID? {
        guard let half = try Runner(session).halfDone(job) else { return nil }
        do throws(BatchError) {
            return try Runner(session).resume(.batch(half)).batch
        } catch {
            if Documents.passing.contains(error.code) { throw error }
            session.context.log.write(
                .warn, "documents.resume", "\(half) cannot be continued: \(error.message)", module: .runner)
            return nil
        }
    }

    /// Faults that are no fault of the batch.
    private static let passing: Set<ErrorCode> = [.stopped, .busy, .leaseLost, .diskFull]

    /// The job of the workspace, or the one that the tool has.
    func job(_ id: String, _ text: String) throws(BatchError) -> JobDefinition {
        let rules = session.context.steps.rules()
        if session.workspace.catalog != nil,
            let own = try session.workspace.loadCatalog(rules).jobs.first(where: { $0.id == id })
        {
            return own
        }
        return try JobDefinition.parse(text: text, file: "\(id).yaml")
    }

    // MARK: Looking

    /// What a service does by itself about documents.
    public struct Due: Hashable, Sendable {
        /// Files in `in` can be taken.
        public let hasInput: Bool
        /// Documents that the disk had no room for can be read again.
        public let hasRoom: Bool
        /// Work folders can go.
        public let isOld: Bool
        /// Fields wait to be entered: a mark that changes with them; nil when none does.
        public let staged: String?
    }

    /// Whether `decision.json` of somebody waits to be carried out by the next intake.
    public static func isDecided(in data: String) -> Bool { DuplicateDecision.isThere(DataFolders(root: data)) }

    /// Whether the database has the tables of documents.
    public func isHere() throws(BatchError) -> Bool { try store.exists() }

    /// Whether it has those of this version too, from a batch that has ended: `ocr_tables` adds what is missing, and was
    /// killed when its tables are there without it.
    public func isReady() throws(BatchError) -> Bool {
        guard try store.has("ocr_fields") else { return false }
        return try session.hasCommitted("ocr_tables")
    }

    public func due() throws(BatchError) -> Due {
        let settings = try OCRSettings.current(session)
        let inbox = try DocumentInbox(session)
        let free = Double(HostFigures.freeDisk(folders.root) ?? 0)
        let hasRoom = try store.documents().contains { document in
            document.state.isFailed && document.error == DocumentFault.diskShort.rawValue
                && Double(document.size) * settings.diskFactor <= free
        }
        let isOld = try !DocumentCleaning(store, folders).old(days: DocumentFaults(session).keptDays()).isEmpty
        let isReleased = try !HeldFiles(folders).released(store).isEmpty
        return Due(
            hasInput: !inbox.ready.isEmpty || isReleased, hasRoom: hasRoom,
            isOld: isOld, staged: try store.stagedMark())
    }

    /// With the files that were here already, and wait for a decision.
    /// - Parameter state: only those in it; `ERROR` means both states of documents that have failed.
    /// - Throws: `ERR_UX_USAGE` when there is no such state.
    public func list(state: String? = nil) throws(BatchError) -> DocumentReport {
        let wanted = try state.map { (name) throws(BatchError) in try DocumentState.named(name) }
        let entries = try store.documents().map(\.report) + heldFiles() + releasedFiles()
        return DocumentReport(
            entries: entries.filter { entry in wanted?.contains { $0.rawValue == entry.state } ?? true },
            output: folders.output, absence: entries.isEmpty ? .noDocuments : .noneInState)
    }

    public func show(_ key: String) throws(BatchError) -> DocumentReport {
        DocumentReport(entries: [try store.document(meant: key).report], output: folders.output)
    }

    /// What was found in documents, or what their files say of themselves.
    public func fields(_ key: String?, state: String?) throws(BatchError) -> DocumentFieldReport {
        let document = try key.map { (key) throws(BatchError) in try store.document(meant: key).key }
        return DocumentFieldReport(fields: try store.fields(of: document, state: state))
    }

    public func text(_ key: String, page: Int?) throws(BatchError) -> DocumentTextReport {
        let document = try store.document(meant: key)
        let pages = try store.pages(of: document.key).filter { page == nil || $0.number == page }
        guard !pages.isEmpty else {
            throw BatchError(
                page == nil ? .wrongState : .unknownName,
                "\(document.name) has no page \(page.map { "\($0)" } ?? "yet")",
                hint: "see how many it has: \(command: "ocr show \(DocumentKey.exact(document.key))")")
        }
        return DocumentTextReport(
            key: document.key, name: document.name,
            pages: pages.map {
                .init(
                    number: $0.number, text: $0.text ?? "", confidence: $0.confidence,
                    mode: $0.source["mode"]?.string ?? "", fault: $0.fault)
            })
    }

    /// Pages that hold all these words.
    public func search(_ text: String, limit: Int) throws(BatchError) -> DocumentSearchReport {
        let words = text.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
        guard try store.exists(), !words.isEmpty else { return DocumentSearchReport(hits: []) }
        // Quoted, each word is a word: nothing in it is an operator.
        let query = words.map { "\"\($0)\"" }.joined(separator: " ")
        let rows = try session.connection.rows(
            """
            SELECT p.id, d.key, d.name, p.number, snippet(ocr_text, 0, '[', ']', '…', 16)
            FROM main.ocr_text JOIN main.ocr_pages p ON p.id = ocr_text.rowid JOIN main.ocr_documents d ON d.key = p.document
            WHERE ocr_text MATCH ? ORDER BY rank, d.key, p.number LIMIT ?
            """, [.string(query), .integer(Int64(limit))])
        var hits: [DocumentSearchReport.Hit] = []
        for row in rows {
            hits.append(
                DocumentSearchReport.Hit(
                    key: row[1].string ?? "", name: row[2].string ?? "", page: Int(row[3].integer ?? 0),
                    snippet: (row[4].string ?? "").replacing("\n", with: " "),
                    boxes: try boxes(of: Set(words), on: row[0].integer ?? 0)))
        }
        return DocumentSearchReport(hits: hits)
    }

    private func boxes(of words: Set<String>, on page: Int64) throws(BatchError) -> [[Int]] {
        try store.words(of: page).compactMap { word in
            guard let parts = word.array, parts.count > 4, let text = parts[0].string else { return nil }
            let own = text.split { !$0.isLetter && !$0.isNumber }.map { $0.lowercased() }
            return own.contains(where: words.contains) ? parts[1...4].map { Int($0.integer ?? 0) } : nil
        }
    }

    /// What reads the pages: versions by library, and the languages that are installed.
    public static func engine(in workspace: Workspace, context: Context) throws(BatchError) -> JSONValue {
        [
            "versions": .object(try versions(workspace, context)),
            "languages": .array(OCRModels.installed.map(JSONValue.string)),
        ]
    }

    private static func versions(
        _ workspace: Workspace, _ context: Context
    ) throws(BatchError) -> [JSONValue.Member] {
        let pool = WorkerPool(WorkerPool.Limits(workers: 1), folder: workspace.folder, clock: context.clock)
        switch try pool.answer(to: ["do": "info"]) {
        case .success(let json): return json.members ?? []
        case .failure(let error):
            throw BatchError(
                .libraryMissing, "the engine of ocr: \(error.words)", hint: "type: \(command: "doctor")")
        }
    }

    public func info() throws(BatchError) -> DocumentInfoReport {
        let versions = try Documents.versions(session.workspace, session.context)
            .map { ($0.key, $0.value.string ?? "") }
        let states = try store.counts().states
        return DocumentInfoReport(
            versions: versions, languages: OCRModels.installed,
            profiles: try ProfileList.load(folder: session.workspace.catalog).profiles.map(\.name),
            states: states.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
            pagesAtOnce: EngineHealth(session).concurrency(try OCRSettings.current(session).ocrConcurrency))
    }
}
