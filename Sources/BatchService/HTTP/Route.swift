internal import BatchCore

/// One call of the API, as data: matching, checking, the role it takes and `openapi.yaml` all read this.
struct Route: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    /// What answers have in common.
    enum Answer: Sendable {
        /// A JSON object with these keys.
        case report([String])
        case array
        case text(String)
        case events
        /// Of one of these types.
        case file([String])
    }

    /// Of those who may call it.
    enum Access: Sendable {
        /// By everybody: it shows nothing of the workspace.
        case anybody
        /// Without a token from this machine, unless `http.public` says otherwise; else a viewer.
        case open
        case role(Role)

        var role: Role {
            switch self {
            case .anybody, .open: .viewer
            case .role(let role): role
            }
        }
    }

    let method: Method
    /// `/api/batches/{id}`
    let path: String
    /// `showBatch`
    let name: String
    let summary: String
    let access: Access
    /// Shows and touches one tenant, when that is asked for; else it is about the whole workspace.
    var hasTenants = true
    /// What the audit calls it; nil for a look that leaves lines in the log alone.
    var action: String?
    /// Of the path, in its order.
    var places: [Parameter] = []
    var query: [Parameter] = []
    /// Members of the JSON object in the body.
    var body: [Parameter] = []
    var answer = Answer.report([])
    /// Statuses beside 200 and those that every call may have.
    var statuses: [Int] = []
    /// Errors as the document pipeline has always told them: `{error, status}`.
    var hasPlainErrors = false
    /// It does one thing in `control.db`, which becomes durable with the row of the audit about it.
    var isFollowedByAudit = false
    let perform: @Sendable (APICall) throws(BatchError) -> HTTPResponse

}

/// A route with its path taken apart, once: each request is compared with all of them.
final class RoutePattern: Sendable {
    private enum Word {
        case written(String)
        case place(String)
    }

    let route: Route
    private let words: [Word]

    init(_ route: Route) {
        self.route = route
        words = route.path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { word in
            word.hasPrefix("{") ? .place(String(word.dropFirst().dropLast())) : .written(String(word))
        }
    }

    /// The values of the places in the path; nil when it is another path.
    func match(_ path: [String]) -> [String: String]? {
        guard words.count == path.count else { return nil }
        for (pattern, word) in zip(words, path) {
            if case .written(let own) = pattern, own != word { return nil }
        }
        var values: [String: String] = [:]
        for (pattern, word) in zip(words, path) {
            if case .place(let name) = pattern { values[name] = word }
        }
        return values
    }
}

/// One value of a path, a query or a body.
struct Parameter: Sendable {
    enum Shape: Sendable {
        /// One line. The pattern is for the documentation: the check stands where the value is used.
        case text(pattern: String)
        case integer(ClosedRange<Int>)
        case boolean
        case choice([String])
        /// An object of scalars by name: the parameters of a job.
        case assignments
        /// An object of lists of numbers by name.
        case series
        /// A list of texts, each of one line. The pattern is for the documentation, as that of a text.
        case texts(pattern: String)
    }

    let name: String
    let shape: Shape
    let summary: String
    var isRequired = false

    init(_ name: String, _ shape: Shape, _ summary: String, isRequired: Bool = false) {
        self.name = name
        self.shape = shape
        self.summary = summary
        self.isRequired = isRequired
    }

    var required: Parameter { Parameter(name, shape, summary, isRequired: true) }

    static func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ name: String, _: Choice.Type, _ summary: String
    ) -> Parameter { Parameter(name, .choice(Choice.allCases.map(\.rawValue)), summary) }

    /// Any text of one line.
    static func text(_ name: String, _ summary: String) -> Parameter {
        Parameter(name, .text(pattern: #"^[^\x00-\x1f\x7f]{1,1000}$"#), summary)
    }

    static func job(_ name: String = "job", _ summary: String = "a job of the catalog") -> Parameter {
        Parameter(name, .text(pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$"), summary)
    }

    static func span(_ name: String, _ summary: String) -> Parameter {
        Parameter(name, .text(pattern: "^[1-9][0-9]{0,3}(s|m|h|d)$"), summary)
    }

    static let batch = Parameter(
        "id", .text(pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}([.][1-9][0-9]{0,8})?$"),
        "a batch, or a job for its latest one")
    static let plan = Parameter("id", .text(pattern: "^plan[.][1-9][0-9]{0,8}$"), "a plan")
    static let queueID = Parameter("id", .integer(1...Int.max >> 10), "a job in the queue")
    static let reason = Parameter.text("reason", "why").required
    static let offset = Parameter("offset", .integer(0...1_000_000_000), "skip this many (default: 0)")
    static let limit = Parameter("limit", .integer(1...10_000), "at most this many (default: 1000)")
    static let tenant = Parameter(
        "tenant", .text(pattern: "^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$"), "only this tenant")
    static let database = Parameter(
        "database", .text(pattern: "^[A-Za-z][A-Za-z0-9_-]{0,63}$"), "of a workspace with several (default: main)")
    static let dryRun = Parameter("dry_run", .boolean, "show what it would do, and do nothing")

    /// The value as text, checked; for a body from JSON.
    func value(_ json: JSONValue) throws(HTTPFault) -> String {
        switch (shape, json) {
        case (.text, .string(let text)): return try value(text)
        case (.choice, .string(let text)): return try value(text)
        case (.integer, .integer(let number)): return try value(String(number))
        case (.boolean, .bool(let flag)): return String(flag)
        case (.series, .object(let members)):
            guard members.allSatisfy({ $0.value.array?.allSatisfy { $0.double != nil } ?? false }) else { break }
            return JSONWriter.text(json)
        case (.texts, .array(let elements)):
            let texts = elements.compactMap(\.string)
            guard texts.count == elements.count, texts.count <= 1_000, texts.allSatisfy(Parameter.isLine) else { break }
            return texts.joined(separator: "\n")
        default: break
        }
        throw HTTPFault.bad("'\(name)' is \(words)")
    }

    func value(_ text: String) throws(HTTPFault) -> String {
        let fits =
            switch shape {
            case .text: Parameter.isLine(text)
            case .integer(let range): Int(text).map { range.contains($0) && String($0) == text } ?? false
            case .boolean: text == "true" || text == "false"
            case .choice(let words): words.contains(text)
            case .assignments, .series, .texts: false
            }
        guard fits else { throw HTTPFault.bad("'\(name)' is \(words)") }
        return text
    }

    private static func isLine(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 100_000 && !text.utf8.contains { $0 < 32 || $0 == 127 }
    }

    private var words: String {
        switch shape {
        case .text: "a text of one line that is not empty"
        case .integer(let range): "a whole number, \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .choice(let words): "one of: \(words.joined(separator: ", "))"
        case .series: "an object with a list of numbers under each name"
        case .texts: "a list of texts, each of one line and not empty"
        case .assignments: "an object with a text, a number or a boolean under each name"
        }
    }
}
