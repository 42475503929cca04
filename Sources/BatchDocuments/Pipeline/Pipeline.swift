internal import BatchCatalog
public import BatchCore
public import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// The `ocr.*` steps.
public struct Pipeline: DocumentWork {
    /// From the step that takes documents in to the one that reads them.
    private let spare = SpareWorkers()

    public init() {}

    public func run(_ kind: DocumentStep.Kind, _ step: StepRun) throws(BatchError) {
        let stage = try Stage(step, spare)
        switch kind {
        case .discover:
            do throws(BatchError) { try Discovery(stage).run() } catch {
                spare.end()
                throw error
            }
        case .prep, .recognise, .publish:
            defer { spare.end() }
            let hasWorked = try DocumentFlow(stage).run()
            // The first of them has written it.
            if kind != .prep && !hasWorked { return }
        case .review: try ReviewStage(stage).run()
        case .remove: try RemovalStage(stage).run()
        case .clean: try CleaningStage(stage).run()
        case .mend: try MendingStage(stage).run()
        }
        if kind.endsDocuments { try Index(stage.store, stage.folders).write() }
    }

    public func faults(of part: DocumentStep.Part, in session: Session) throws(BatchError) -> [HealingStep.Fault] {
        try DocumentFaults(session).of(part)
    }

    public func events(in session: Session, since: Timestamp) throws(BatchError) -> [RuleEvent] {
        try DocumentFaults(session).events(since: since)
    }

    /// The input and the PDF of a document go where nobody takes them for current.
    public func undo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError) {
        let folders = DataFolders(root: session.workspace.data)
        let place = folders.quarantine(batch)
        try RemovalStage.undo(effect, folders)
        var made = [(effect.detail["pdf"]?.string, effect.detail["previous"]?.string)]
        made += (effect.detail["beside"]?.array ?? []).map { ($0["file"]?.string, $0["previous"]?.string) }
        for case (let file?, let previous) in made where Folder.exists("\(folders.output)/\(file)") {
            _ = try DataFolders.move("\(folders.output)/\(file)", to: place, as: file)
            if let previous, Folder.exists("\(folders.root)/\(previous)") {
                try DurableFile.move("\(folders.root)/\(previous)", to: "\(folders.output)/\(file)")
            }
        }
        if let key = effect.detail["rejected"]?.string, let name = effect.detail["name"]?.string,
            let home = folders.home(of: key, name), home.hasPrefix(folders.error(key))
        {
            _ = try DataFolders.move(home, to: folders.work(key) + "/input", as: name)
            try Folder.removeAll(folders.error(key))
        }
        if let key = effect.detail["held"]?.string, let name = effect.detail["file"]?.string,
            case let held = "\(folders.held(key))/\(name)", Folder.exists(held)
        {
            _ = try DataFolders.move(held, to: place, as: name)
            try HeldFiles(folders).tidy(key)
        }
        if let key = effect.detail["taken"]?.string, let name = effect.detail["name"]?.string,
            let home = folders.home(of: key, name), !home.hasPrefix(folders.held(key))
        {
            for file in try PublishedName.unnoted(key, name, folders) {
                _ = try DataFolders.move("\(folders.output)/\(file)", to: place, as: file)
            }
            _ = try DataFolders.move(home, to: place, as: name)
            for folder in [folders.work(key), folders.archive(key), folders.error(key)] { try Folder.removeAll(folder) }
        }
    }

    public func redo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError) -> [String] {
        try FileReturn(session, batch).perform(effect)
    }
}

/// What the stages share.
struct Stage {
    let step: StepRun
    let folders: DataFolders
    let store: DocumentStore
    private let spare: SpareWorkers
    private let live: LiveSettings

    /// Shared by all copies.
    private final class LiveSettings {
        var current: OCRSettings

        init(_ current: OCRSettings) { self.current = current }
    }

    init(_ step: StepRun, _ spare: SpareWorkers) throws(BatchError) {
        self.step = step
        self.spare = spare
        folders = DataFolders(root: step.session.workspace.data)
        live = LiveSettings(try .current(step.session))
        store = DocumentStore(session: step.session)
        try folders.create()
    }

    var settings: OCRSettings { live.current }

    /// What somebody has set since counts from now on.
    func readSettings() throws(BatchError) { live.current = try .current(step.session) }

    /// A key of the step, filled in; empty where it is not given.
    func setting(_ name: String) throws(BatchError) -> String {
        guard let template = step.definition.settings[name]?.string else { return "" }
        return try CommandTemplate([template]).filled(with: step.placeholders).first ?? ""
    }

    var batch: String { "\(step.batch)" }
    var now: String { step.session.context.now().iso8601 }

    /// Documents of this batch that are not at an end.
    func open() throws(BatchError) -> [DocumentRecord] {
        try store.documents(where: "batch = ?", [.string(batch)]).filter { !$0.state.isEnd }
    }

    func profile(of document: DocumentRecord) -> JSONValue { (try? JSONParser.parse(document.profile)) ?? .null }

    /// Writes rows; call it in a checkpoint.
    func write(_ sql: String, _ values: [String: SQLValue]) throws(BatchError) {
        try step.gateway.run(try step.gateway.prepare(sql), values)
    }

    /// Sets columns of a document; call it in a checkpoint.
    func set(_ key: String, _ values: [(String, SQLValue)]) throws(BatchError) {
        let columns = values.map { "\($0.0) = :\($0.0)" }.joined(separator: ", ")
        var all = Dictionary(values) { first, _ in first }
        all["key"] = .string(key)
        all["updated_at"] = .string(now)
        try write("UPDATE main.ocr_documents SET \(columns), updated_at = :updated_at WHERE key = :key", all)
    }

    func set(_ key: String, _ state: DocumentState) throws(BatchError) {
        try set(key, [("state", .string(state.rawValue))])
    }

    /// A document has come to its end in vain: its input goes to `error/`, with what is known.
    /// - Parameter note: what of it has to be undone in files.
    func fail(_ document: DocumentRecord, _ error: DocumentError, noting note: JSONValue? = nil) throws(BatchError) {
        let state: DocumentState = document.state.isBeforePages ? .errorPrep : .errorOCR
        let home = folders.home(of: document.key, document.name)
        // What looks damaged is not there any more.
        let isGone = home == nil && [.damaged, .unknownType].contains(error.fault)
        let error = isGone ? DocumentError(.unreadable, "its file is gone from data/work") : error
        if let home, !home.hasPrefix(folders.error(document.key)) {
            _ = try DataFolders.move(home, to: folders.error(document.key), as: document.name)
        }
        let change = { () throws(BatchError) in
            try set(
                document.key,
                [
                    ("state", .string(state.rawValue)), ("error", .string(error.fault.rawValue)),
                    ("message", .string(error.words)),
                ])
        }
        if let note { try step.checkpoint(noting: note, change) } else { try step.checkpoint(change) }
        if document.finalPDF == nil {
            for file in try PublishedName.unnoted(document.key, document.name, folders) {
                Folder.remove("\(folders.output)/\(file)")
            }
        }
        let log = state == .errorPrep ? WorkLog.prep : .ocr
        log.write("failed: \(error.words)", document.key, self)
        for log in WorkLog.allCases { try log.move(document.key, self) }
        if let failed = try store.document(document.key) {
            StateFile(failed, folders).write(to: folders.error(document.key))
        }
        try Folder.removeAll(folders.work(document.key))
    }

    /// Tells who looks at the files that these documents are worked on.
    func beat(_ name: String, _ keys: [String]) {
        for key in Set(keys) { try? DurableFile.write(Array(now.utf8), to: "\(folders.work(key))/\(name).heartbeat") }
    }

    /// The file for people and scripts.
    func writeState(_ key: String) throws(BatchError) {
        guard let document = try store.document(key) else { return }
        StateFile(document, folders).write(to: folders.work(key))
    }

    func pool(_ workers: Int) -> WorkerPool {
        WorkerPool(limits(workers), folder: folders.root, clock: step.session.context.clock, spare: spare)
    }

    func limits(_ workers: Int) -> WorkerPool.Limits {
        WorkerPool.Limits(workers: workers, deadline: Int64(settings.jobTimeout) * 1_000, memory: settings.memory)
    }
}

/// `prep.log` and `ocr.log` in the work folder of a document, for whoever wants to know what happens to it; never read back.
enum WorkLog: String, CaseIterable {
    case prep = "prep.log"
    case ocr = "ocr.log"

    /// Losing it loses nothing.
    func write(_ words: String, _ key: String, _ stage: Stage) {
        let folder = stage.folders.work(key)
        guard Folder.exists(folder) else { return }
        try? File(appendingTo: "\(folder)/\(rawValue)").write(Array("\(stage.now) \(PlainText.oneLine(words))\n".utf8))
    }

    /// To the input of a document that has failed.
    func move(_ key: String, _ stage: Stage) throws(BatchError) {
        let file = "\(stage.folders.work(key))/\(rawValue)"
        guard Folder.exists(file), Folder.exists(stage.folders.error(key)) else { return }
        try DurableFile.rename(file, to: "\(stage.folders.error(key))/\(rawValue)")
    }
}

/// `state.json`: written from the ledger, never read back.
struct StateFile {
    private let document: DocumentRecord
    private let folders: DataFolders

    init(_ document: DocumentRecord, _ folders: DataFolders) {
        self.document = document
        self.folders = folders
    }

    var json: JSONValue {
        [
            "jobKey": .string(document.key), "state": .string(document.state.rawValue),
            "stage": .string(document.state.stage), "attempt": JSONValue(document.attemptsPrep + document.attemptsOCR),
            "attemptPrep": JSONValue(document.attemptsPrep), "attemptOcr": JSONValue(document.attemptsOCR),
            "message": JSONValue(document.message), "profile": (try? JSONParser.parse(document.profile)) ?? .null,
            "fileHash": .string(document.fileHash), "profileHash": .string(document.profileHash),
            "input": [
                "name": .string(document.name), "path": JSONValue(folders.home(of: document.key, document.name)),
            ],
            "pages": document.pages.map { JSONValue($0) } ?? .null, "rawPdf": .null,
            "finalPdf": JSONValue(document.finalPDF), "error": JSONValue(document.error),
            "createdAt": .string(document.createdAt), "updatedAt": .string(document.updatedAt),
        ]
    }

    /// Losing it loses nothing.
    func write(to folder: String) {
        guard (try? Folder.create(folder)) != nil else { return }
        try? DurableFile.write(Array(JSONWriter.text(json, indented: true).utf8), to: folder + "/state.json")
    }
}

extension JSONValue {
    var real: Double? {
        switch self {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
}

extension Stage {
    /// A document that ends the engine so often goes to `error`, and others go on.
    static let mostDeaths = 2

    /// What says something about the engine, and not only about the document.
    func noteFailure(_ fault: DocumentFault) throws(BatchError) {
        guard [.crashed, .timeout, .memory, .engine].contains(fault) else { return }
        try EngineHealth(step.session).note()
    }

    /// Where a worker finds a page.
    func source(_ key: String, _ page: DocumentStore.Page) -> [JSONValue.Member] {
        (page.source.members ?? []).map { member in
            member.key == "file" ? .init("file", .string("\(folders.work(key))/\(member.value.string ?? "")")) : member
        }
    }

    /// How a worker takes a document apart.
    func preparation(of document: DocumentRecord) throws(BatchError) -> JSONValue {
        let folder = folders.work(document.key) + "/pages"
        try Folder.create(folder)
        let profile = self.profile(of: document)
        return [
            "do": "prepare", "input": .string("\(folders.work(document.key))/input/\(document.name)"),
            "folder": .string(folder), "kind": JSONValue(document.kind?.rawValue), "limits": settings.limits.json,
            "dpi": profile["dpi"] ?? 300, "existing": profile["existing"] ?? "keep",
            "partial": profile["partial"] ?? "fail",
        ]
    }
}

extension DocumentStep.Kind {
    /// Documents may be at an end after it: the index shows them.
    fileprivate var endsDocuments: Bool { self != .discover }
}
