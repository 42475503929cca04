public import BatchCatalog
public import BatchCore
public import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// How many documents there are of each outcome.
public struct DocumentCounts: Hashable, Sendable {
    public private(set) var states: [String: Int] = [:]
    /// Those that failed, by the fault.
    public private(set) var faults: [String: Int] = [:]

    /// All states that a document can have.
    public static let states = DocumentState.allCases.map(\.rawValue)

    public init() {}

    fileprivate mutating func add(_ count: Int, _ state: String, _ fault: String?) {
        states[state, default: 0] += count
        if let fault, DocumentState(rawValue: state)?.isFailed == true { faults[fault, default: 0] += count }
    }

    private func sum(_ isMeant: (DocumentState) -> Bool) -> Int {
        DocumentState.allCases.filter(isMeant).reduce(0) { $0 + (states[$1.rawValue] ?? 0) }
    }

    public var done: Int { sum { $0 == .done } }
    public var failed: Int { sum(\.isFailed) }
    public var running: Int { sum { !$0.isEnd && $0 != .discovered } }
    public var queued: Int { sum { $0 == .discovered } }

    /// The figures of single faults that operators know, by the names that they know.
    public var known: [JSONValue.Member] {
        DocumentFault.counted.map { .init($0.name, JSONValue(faults[$0.fault.rawValue] ?? 0)) }
    }
}

extension DocumentStore {
    func counts() throws(BatchError) -> DocumentCounts {
        var counts = DocumentCounts()
        guard try exists() else { return counts }
        for row in try session.connection.rows(
            "SELECT state, error, count(*) FROM main.ocr_documents GROUP BY state, error", [])
        {
            counts.add(Int(row[2].integer ?? 0), row[0].string ?? "", row[1].string)
        }
        return counts
    }
}

/// Documents as the jobs that operators of such pipelines know: `GET /jobs`.
extension Documents {
    /// Those of a workspace: of its first database that has any; nil when none has.
    public static func any(in workspace: Workspace, context: Context) throws(BatchError) -> Documents? {
        for database in workspace.databases where database.tenancy != .file {
            guard let session = try? Session.view(workspace.choosing(database), context: context) else { continue }
            let documents = Documents(session)
            if try documents.isHere() { return documents }
        }
        return nil
    }

    /// The name of their database.
    public var database: String { session.database.name }

    public func counts() throws(BatchError) -> DocumentCounts { try store.counts() }

    /// The latest first.
    /// - Parameters:
    ///   - state: only those in it.
    ///   - key: only those that come after this one.
    public func jobs(state: String?, after key: String?, limit: Int) throws(BatchError) -> [JSONValue] {
        let last = try key.map { (key) throws(BatchError) in try store.document(key)?.createdAt ?? "" }
        let rows = try session.connection.rows(
            """
            SELECT \(DocumentRecord.columns) FROM main.ocr_documents
            WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR (created_at, key) < (?2, ?3))
            ORDER BY created_at DESC, key DESC LIMIT ?4
            """, [.optional(state), .optional(last), .optional(key), .integer(Int64(limit))])
        return rows.compactMap { DocumentRecord($0) }.map { document in
            .object(Documents.members(document))
        }
    }

    /// In full; nil when there is no such document.
    public func job(_ key: String) throws(BatchError) -> JSONValue? {
        guard let document = try store.document(key) else { return nil }
        let members = Documents.members(document)
        let more = StateFile(document, folders).json.members ?? []
        return .object(members + more.filter { member in !members.contains { $0.key == member.key } })
    }

    private static func members(_ document: DocumentRecord) -> [JSONValue.Member] {
        [
            .init("jobKey", .string(document.key)), .init("state", .string(document.state.rawValue)),
            .init("stage", .string(document.state.stage)),
            .init("attempt", JSONValue(document.attemptsPrep + document.attemptsOCR)),
            .init("attemptPrep", JSONValue(document.attemptsPrep)),
            .init("attemptOcr", JSONValue(document.attemptsOCR)), .init("inputName", .string(document.name)),
            .init("outPdf", JSONValue(document.finalPDF)),
            .init("errorMessage", JSONValue(document.message ?? document.error)),
            .init("updatedAt", .string(document.updatedAt)),
        ]
    }
}

/// `index/jobs.json` and `index/metrics.json`: written from the database, never read back.
struct Index {
    /// Documents that changed last. With all of them each intake would take longer than the one before.
    static let most = 1_000
    private let store: DocumentStore
    private let folders: DataFolders

    init(_ store: DocumentStore, _ folders: DataFolders) {
        self.store = store
        self.folders = folders
    }

    func write() throws(BatchError) {
        put(.array(try store.latest(Index.most).map { StateFile($0, folders).json }), "jobs.json")
        let counts = try store.counts()
        let sums: [JSONValue.Member] = [
            .init("done", JSONValue(counts.done)), .init("error", JSONValue(counts.failed)),
            .init("running", JSONValue(counts.running)), .init("queued", JSONValue(counts.queued)),
        ]
        let now = JSONValue.string(store.session.context.now().iso8601)
        put(.object(sums + counts.known + [.init("updatedAt", now)]), "metrics.json")
    }

    private func put(_ json: JSONValue, _ name: String) {
        try? DurableFile.write(Array(JSONWriter.text(json, indented: true).utf8), to: "\(folders.index)/\(name)")
    }
}
