internal import BatchCore
internal import BatchDocuments
internal import BatchEngine

/// `/api/documents/…`: the verbs of documents. Their tables are one for all tenants.
enum DocumentRoutes {
    private static let key = Parameter(
        "key", .text(pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$"), "a document: its key, or the first digits of it")
    private static let page = Parameter("page", .integer(1...1_000_000), "a page")

    static let all: [Route] = [
        Route(
            method: .get, path: "/api/documents", name: "listDocuments",
            summary: "The documents and their states, the latest first", access: .role(.viewer),
            hasTenants: false,
            query: [Parameter("state", .choice(DocumentCounts.states), "only those in this state"), .limit, .offset],
            answer: .report(["jobs", "total", "states", "held"]), perform: list),
        Route(
            method: .get, path: "/api/documents/search", name: "searchDocuments", summary: "Find pages by their words",
            access: .role(.viewer), hasTenants: false,
            query: [Parameter.text("words", "all of them must be on the page").required, .limit],
            answer: .report(["hits"]),
            perform: { (call) throws(BatchError) in
                call.report(
                    try call.documents().search(try call.required("words"), limit: call.number("limit") ?? 50))
            }),
        Route(
            method: .get, path: "/api/documents/{key}", name: "showDocument", summary: "One document",
            access: .role(.viewer), hasTenants: false, places: [key], answer: .report(["jobs", "held"]),
            perform: { (call) throws(BatchError) in
                let documents = try call.documents()
                let report = try documents.show(try call.required("key"))
                var members = report.json.members ?? []
                let isHeld = try documents.held().contains { $0 == report.entries.first?.key }
                members.append(.init("held", .bool(isHeld)))
                return .json(.object(members))
            }),
        Route(
            method: .get, path: "/api/documents/{key}/text", name: "showDocumentText",
            summary: "The text of a document, or of one page", access: .role(.viewer), hasTenants: false,
            places: [key], query: [page], answer: .report(["pages"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.documents().text(try call.required("key"), page: call.number("page")))
            }),
        Route(
            method: .get, path: "/api/documents/{key}/words", name: "showDocumentWords",
            summary: "The words of a page, with their positions", access: .role(.viewer), hasTenants: false,
            places: [key], query: [page.required], answer: .report(["width", "height", "words"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.documents().words(try call.required("key"), page: call.number("page") ?? 1))
            }),
        Route(
            method: .get, path: "/api/documents/{key}/image", name: "showDocumentImage", summary: "A picture of a page",
            access: .role(.viewer), hasTenants: false, places: [key], query: [page.required],
            answer: .file(["image/png"]),
            perform: { (call) throws(BatchError) in
                HTTPResponse(
                    status: 200, type: "image/png",
                    body: .bytes(
                        try call.documents().image(try call.required("key"), page: call.number("page") ?? 1)))
            }),
        Route(
            method: .post, path: "/api/documents/{key}/decide", name: "decideDocument",
            summary: "Decide about a file that was here already", access: .role(.operator), hasTenants: false,
            action: "ocr decide", places: [key],
            body: [.choice("action", Documents.Decision.self, "what to do with it").required],
            answer: .report(["jobs"]),
            perform: { (call) throws(BatchError) in
                guard let decision: Documents.Decision = call.choice("action") else {
                    throw BatchError(.usage, "'action' is missing", hint: "reuse, discard or reprocess")
                }
                return call.report(
                    try Documents(try call.session()).decide(try call.required("key"), decision), status: 200)
            }),
        Route(
            method: .post, path: "/api/documents/{key}/retry", name: "retryDocument",
            summary: "Read a document again that could not be read", access: .role(.operator), hasTenants: false,
            action: "ocr retry", places: [key], answer: .report(["jobs"]),
            perform: { (call) throws(BatchError) in
                call.report(try Documents(try call.session()).retry(try call.required("key"), reason: nil))
            }),
        Route(
            method: .get, path: "/api/documents/{key}/review", name: "showReview",
            summary: "The words of a document that may be wrong", access: .role(.viewer), hasTenants: false,
            places: [key], query: [Parameter("all", .boolean, "all words")], answer: .report(["words"]),
            perform: { (call) throws(BatchError) in
                call.report(try call.documents().reviewShow(try call.required("key"), all: call.flag("all")))
            }),
        Route(
            method: .post, path: "/api/documents/{key}/review", name: "reviewDocument",
            summary: "Publish a document that waits for a reviewer, correct its words, or reject it",
            access: .role(.operator), hasTenants: false, action: "ocr review", places: [key],
            body: [
                .choice("action", Documents.ReviewAction.self, "what to do").required,
                Parameter("page", page.shape, "of the words (default: 1)"),
                Parameter("words", .assignments, "the number of each word, with its right text"),
                .text("to", "who reviews it instead"),
            ],
            answer: .report(["jobs"]), perform: review),
        Route(
            method: .post, path: "/api/documents/discover", name: "discoverDocuments",
            summary: "Read the documents that wait in data/in", access: .role(.operator), hasTenants: false,
            action: "ocr discover", body: [.job("profile", "how to read them (default: default)")],
            answer: .report(["jobs"]),
            perform: { (call) throws(BatchError) in
                call.report(try Documents(try call.session()).discover(profile: call.value("profile")))
            }),
    ]

    private static func review(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let documents = Documents(try call.session())
        let key = try call.required("key")
        let action: Documents.ReviewAction? = call.choice("action")
        switch action {
        case .accept: return call.report(try documents.accept(key))
        case .reject: return call.report(try documents.reject(key, to: call.value("to")))
        case .correct, nil:
            let page = call.number("page") ?? 1
            let corrections = call.assignments.map { assignment in
                let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return Documents.Correction(
                    page: page, word: Int(parts[0]) ?? 0, text: parts.count == 2 ? String(parts[1]) : "")
            }
            return call.report(try documents.correct(key, corrections))
        }
    }

    /// A part of them, with how many there are in each state.
    private static func list(_ call: APICall) throws(BatchError) -> HTTPResponse {
        let all = try call.documents().list()
        let wanted = all.entries.filter { call.value("state") == nil || $0.state == call.value("state") }
        let part = wanted.reversed().dropFirst(call.number("offset") ?? 0).prefix(call.number("limit") ?? 1_000)
        let states = Dictionary(grouping: all.entries, by: \.state).mapValues(\.count).sorted { $0.key < $1.key }
        var members = DocumentReport(entries: Array(part), output: all.output).json.members ?? []
        members.append(.init("total", JSONValue(wanted.count)))
        members.append(.init("held", .array(try call.documents().held().map(JSONValue.string))))
        members.append(.init("states", .object(states.map { .init($0.key, JSONValue($0.value)) })))
        return .json(.object(members))
    }
}

extension APICall {
    fileprivate func documents() throws(BatchError) -> Documents { Documents(try view()) }
}
