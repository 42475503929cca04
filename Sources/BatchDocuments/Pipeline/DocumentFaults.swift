internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// What is wrong with documents: what repairs find, and what rules judge.
struct DocumentFaults {
    private let session: Session
    private let store: DocumentStore
    private let folders: DataFolders

    init(_ session: Session) {
        self.session = session
        store = DocumentStore(session: session)
        folders = DataFolders(root: session.workspace.data)
    }

    /// A document is beaten for every two seconds while somebody works on it.
    static let longestSilence: Int64 = 60

    // MARK: For repairs

    func of(_ part: DocumentStep.Part) throws(BatchError) -> [HealingStep.Fault] {
        switch part {
        case .old:
            return try DocumentCleaning(store, folders).old(days: try keptDays()).map {
                .init(key: $0, reason: "its work folder is no longer needed")
            }
        case .stale:
            return try silent().map {
                .init(key: $0.document.key, reason: "nobody has worked on it for \($0.seconds) s")
            }
        case .corrupt: return try corrupt()
        case .failed:
            return try store.documents().filter { $0.state.isFailed && $0.mayPass }.map {
                .init(key: $0.key, reason: $0.error ?? "")
            }
        case .short: return try waiting()
        }
    }

    /// So long work folders are kept: not at all while the disk has no room for what waits.
    func keptDays() throws(BatchError) -> Int {
        try waiting().isEmpty ? try OCRSettings.current(session).keepWorkDays : 0
    }

    /// Documents that are in work, and their whole batch gives no sign of life.
    private func silent() throws(BatchError) -> [(document: DocumentRecord, seconds: Int64)] {
        let now = session.context.now().milliseconds / 1_000
        let batches = Dictionary(grouping: try store.documents().filter { !$0.state.isEnd }, by: \.batch)
        var silent: [(DocumentRecord, Int64)] = []
        for documents in batches.values {
            let last = documents.map(lastSign).max() ?? 0
            guard now - last > DocumentFaults.longestSilence else { continue }
            silent += documents.map { ($0, now - last) }
        }
        return silent.sorted { $0.0.key < $1.0.key }
    }

    private func lastSign(_ document: DocumentRecord) -> Int64 {
        let beats = ["prep", "ocr"].compactMap {
            FileStatus("\(folders.work(document.key))/\($0).heartbeat")?.modifiedAt
        }
        return max((Timestamp(iso8601: document.updatedAt)?.milliseconds ?? 0) / 1_000, beats.max() ?? 0)
    }

    /// Rows that say what they cannot say, documents whose files are gone, and `state.json` that nobody can read.
    private func corrupt() throws(BatchError) -> [HealingStep.Fault] {
        let documents = try store.documents()
        let readable = Set(documents.map(\.key))
        var faults = try store.keys().filter { !readable.contains($0) }.map {
            HealingStep.Fault(key: $0, reason: "its state is unknown")
        }
        for document in documents {
            if let reason = try damage(document) { faults.append(.init(key: document.key, reason: reason)) }
        }
        return faults
    }

    private func damage(_ document: DocumentRecord) throws(BatchError) -> String? {
        let work = folders.work(document.key)
        if !document.state.isEnd, folders.home(of: document.key, document.name) == nil { return "its input is gone" }
        if document.state == .prepDone || document.state == .ocrRetry || document.state == .ocrSubmitted {
            let sources = try store.pages(of: document.key).compactMap { $0.source["file"]?.string }
            if sources.contains(where: { !$0.isEmpty && !Folder.exists("\(work)/\($0)") }) {
                return "a page of it is gone"
            }
        }
        guard Folder.exists(work), !document.state.isBeforePages || document.attemptsPrep > 0 else { return nil }
        let file = work + "/state.json"
        guard let bytes = try? DurableFile.read(file, atMost: 1 << 20),
            let json = try? JSONParser.parse(String(decoding: bytes, as: UTF8.self)),
            json["jobKey"]?.string == document.key
        else { return "its state.json cannot be read" }
        return nil
    }

    /// Files in `in`, and documents, for which the disk has no room.
    private func waiting() throws(BatchError) -> [HealingStep.Fault] {
        let failed = try store.documents().filter { $0.state.isFailed && $0.error == DocumentFault.diskShort.rawValue }
        return try DocumentInbox(session).short.map { .init(key: $0, reason: "waits in data/in for room on the disk") }
            + failed.map { .init(key: $0.key, reason: "needs more disk than was free") }
    }

    // MARK: For rules

    /// What has happened since, and how it is now.
    func events(since: Timestamp) throws(BatchError) -> [RuleEvent] {
        let now = session.context.now()
        guard try store.exists() else { return [] }
        let documents = try store.documents()
        var events: [RuleEvent] = []
        for document in documents {
            guard let at = Timestamp(iso8601: document.updatedAt), at >= since else { continue }
            events += DocumentFaults.events(document, at)
        }
        for at in try EngineHealth(session).failures() where at >= since {
            events.append(RuleEvent(at: at, kind: "engine_error"))
        }
        func level(_ kind: String, _ value: Double) { events.append(RuleEvent(at: now, kind: kind, value: value)) }
        level("document_heartbeat", Double(try silent().map(\.seconds).max() ?? 0))
        level("document_disk", Double(try waiting().count))
        level("document_state", Double(try corrupt().count))
        // In percent of what is allowed.
        let running = documents.count { $0.state == .prepRunning || $0.state == .ocrRunning }
        level("running", Double(running * 100) / Double(try OCRSettings.current(session).inFlight))
        let reviews = documents.filter { $0.state == .review }
        level("review_queue", Double(reviews.count))
        let oldest = reviews.compactMap { Timestamp(iso8601: $0.updatedAt)?.milliseconds }.min()
        level("review_age_hours", Double(now.milliseconds - (oldest ?? now.milliseconds)) / 3_600_000)
        return events
    }

    private static func events(_ document: DocumentRecord, _ at: Timestamp) -> [RuleEvent] {
        let fault = document.error.flatMap(DocumentFault.init(rawValue:))
        switch fault {
        case .tooLarge, .unknownType: return [RuleEvent(at: at, kind: "input_rejected", code: document.error)]
        case .pdfInvalid:
            return [RuleEvent(at: at, kind: "pdf_invalid"), RuleEvent(at: at, kind: "output", value: 1)]
        default: break
        }
        guard document.state == .done else { return [] }
        let engine = (try? JSONParser.parse(document.profile))?["engine"]?.string
        return [RuleEvent(at: at, kind: "output", value: 0), RuleEvent(at: at, kind: "engine", code: engine)]
    }
}

extension DocumentRecord {
    /// Whether another try may end differently.
    var mayPass: Bool {
        guard let fault = error.flatMap(DocumentFault.init(rawValue:)) else { return false }
        return fault.mayPass || fault == .afterRestart
    }
}

/// What waits in `in`.
struct DocumentInbox {
    /// Names of files that can be taken now.
    let ready: [String]
    /// Names of those for which the disk has no room.
    let short: [String]
    /// What is no document.
    let strangers: [StrangerInFolder]

    init(_ session: Session) throws(BatchError) {
        let folders = DataFolders(root: session.workspace.data)
        guard Folder.exists(folders.input) else {
            (ready, short, strangers) = ([], [], [])
            return
        }
        let inbox = InputFolder(folders.input, now: session.context.now())
        let files = try inbox.ready()
        let refused = try inbox.refused(files)
        strangers = try refused + inbox.strangers()
        let strange = Set(refused.map(\.name))
        let names = files.filter { !strange.contains($0) }
        let short = names.isEmpty ? [] : inbox.withoutRoom(names, try OCRSettings.current(session))
        self.short = short
        ready = try names.filter { !short.contains($0) } + inbox.readyWithoutText().map(\.escaped)
    }
}

/// How the engine has done lately. After some failures fewer pages are read at once, until it is quiet again.
struct EngineHealth {
    private let session: Session

    init(_ session: Session) { self.session = session }

    private static let setting = "ocr_engine_failures"
    /// So many make it suspect.
    static let most = 3
    /// So long it has to be quiet.
    static let quiet: Int64 = 30 * 60_000
    private static let kept = 50

    /// The latest, in their order.
    func failures() throws(BatchError) -> [Timestamp] {
        let text = try HotSettings.note(EngineHealth.setting, session.workspace, context: session.context) ?? ""
        return text.split(separator: ",").compactMap { Timestamp(iso8601: String($0)) }
    }

    func note() throws(BatchError) {
        let all = try failures() + [session.context.now()]
        let text = all.suffix(EngineHealth.kept).map(\.iso8601).joined(separator: ",")
        try HotSettings.keep(EngineHealth.setting, text, session.workspace, context: session.context)
    }

    /// So many pages at once, of the number that is set.
    func concurrency(_ wanted: Int) -> Int {
        let now = session.context.now().milliseconds
        let recent = ((try? failures()) ?? []).filter { now - $0.milliseconds < EngineHealth.quiet }
        return recent.count >= EngineHealth.most ? max(1, wanted / 2) : wanted
    }
}
