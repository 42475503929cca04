/// The key of a document as people see and type it: its whole text has 130 characters.
public enum DocumentKey {
    /// The beginnings of both its parts, file and profile: enough for one document.
    public static func exact(_ key: String) -> String {
        let parts = key.split(separator: "_", omittingEmptySubsequences: true)
        return parts.count == 2 ? "\(parts[0].prefix(12))__\(parts[1].prefix(6))" : String(key.prefix(12))
    }

    /// The beginning alone, where none of the others has the same: one file in two profiles has.
    public static func short(_ key: String, among keys: [String]) -> String {
        let beginning = key.prefix(12)
        return keys.contains { $0 != key && $0.hasPrefix(beginning) } ? exact(key) : String(beginning)
    }
}

/// `ocr add`, `ocr list`, `ocr show` and all that changes documents.
public struct DocumentReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let key: String
        public let state: String
        /// Of the file that came in.
        public let name: String
        public let pages: Int?
        /// Its name in `out`.
        public let finalPDF: String?
        public let characters: Int?
        /// 0 to 1.
        public let confidence: Double?
        public let attempts: Int
        /// The name of the fault; nil when there is none.
        public let error: String?
        public let message: String?
        /// The batch that has it, or had it last.
        public let batch: String

        public init(
            key: String, state: String, name: String, pages: Int?, finalPDF: String?, characters: Int?,
            confidence: Double?, attempts: Int, error: String?, message: String?, batch: String
        ) {
            self.key = key
            self.state = state
            self.name = name
            self.pages = pages
            self.finalPDF = finalPDF
            self.characters = characters
            self.confidence = confidence
            self.attempts = attempts
            self.error = error
            self.message = message
            self.batch = batch
        }

        /// The same, without its files.
        public var purged: Entry {
            Entry(
                key: key, state: "PURGED", name: name, pages: pages, finalPDF: nil, characters: nil, confidence: nil,
                attempts: attempts, error: nil, message: nil, batch: batch)
        }

        var json: JSONValue {
            [
                "job_key": .string(key), "state": .string(state), "name": .string(name),
                "pages": pages.map { JSONValue($0) } ?? .null, "final_pdf": JSONValue(finalPDF),
                "text_chars": characters.map { JSONValue($0) } ?? .null,
                "mean_confidence": confidence.map { .number($0) } ?? .null, "attempts": JSONValue(attempts),
                "error": JSONValue(error), "message": JSONValue(message), "batch": .string(batch),
            ]
        }
    }

    public let entries: [Entry]
    /// The folder of the PDFs.
    public let output: String
    /// The batch that did the work; nil when nothing was done.
    public let batch: String?

    /// Files in `in` that can be taken now: they were put there, or are more than one intake takes.
    public let waiting: Int
    /// Files that stay in `in` because the disk has no room for them.
    public let short: [String]
    /// What stays in `in` because it is no document.
    public let strangers: [Stranger]

    public struct Stranger: Hashable, Sendable {
        public let name: String
        /// A short name of why, for programs.
        public let reason: String
        /// The same, for people, after its name.
        public let words: String

        public init(name: String, reason: String, words: String) {
            self.name = name
            self.reason = reason
            self.words = words
        }
    }

    /// What it means that there is no entry; for people.
    public enum Absence: Hashable, Sendable {
        case noDocuments
        /// Those that there are, are in other states.
        case noneInState
        case nothingToRead
        case nothingToRetry
    }

    public let absence: Absence

    public init(
        entries: [Entry], output: String, batch: String? = nil, waiting: Int = 0, short: [String] = [],
        strangers: [Stranger] = [], absence: Absence = .noDocuments
    ) {
        self.absence = absence
        self.waiting = waiting
        self.short = short
        self.strangers = strangers
        self.entries = entries
        self.output = output
        self.batch = batch
    }

    public var hasFailed: Bool { entries.contains { $0.error != nil } }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("jobs", .array(entries.map(\.json))), .init("out", .string(output)), .init("batch", JSONValue(batch))]
            + (waiting > 0 ? [.init("waiting", JSONValue(waiting))] : [])
            + (short.isEmpty ? [] : [.init("waiting_for_disk", .array(short.map(JSONValue.string)))])
            + (strangers.isEmpty
                ? []
                : [
                    .init(
                        "not_taken",
                        .array(strangers.map { ["name": .string($0.name), "reason": .string($0.reason)] }))
                ])
    }
}

/// `ocr fields`
public struct DocumentFieldReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let key: String
        /// The name of the document.
        public let document: String
        public let field: String
        public let value: String
        /// As it stands on the page.
        public let source: String
        public let page: Int?
        public let confidence: Double?
        /// `staged`, `entered` or `given`.
        public let state: String

        public init(
            key: String, document: String, field: String, value: String, source: String, page: Int?,
            confidence: Double?, state: String
        ) {
            self.key = key
            self.document = document
            self.field = field
            self.value = value
            self.source = source
            self.page = page
            self.confidence = confidence
            self.state = state
        }
    }

    public let fields: [Entry]

    public init(fields: [Entry]) { self.fields = fields }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init(
                "fields",
                .array(
                    fields.map { entry in
                        [
                            "job_key": .string(entry.key), "name": .string(entry.document),
                            "field": .string(entry.field), "value": .string(entry.value),
                            "source": .string(entry.source), "page": entry.page.map { JSONValue($0) } ?? .null,
                            "confidence": entry.confidence.map { .number($0) } ?? .null,
                            "state": .string(entry.state),
                        ]
                    }))
        ]
    }
}

/// `ocr search`
public struct DocumentSearchReport: Report, Hashable {
    public struct Hit: Hashable, Sendable {
        public let key: String
        public let name: String
        public let page: Int
        public let snippet: String
        /// Left, top, width and height of each word that was looked for, in pixels.
        public let boxes: [[Int]]

        public init(key: String, name: String, page: Int, snippet: String, boxes: [[Int]]) {
            self.key = key
            self.name = name
            self.page = page
            self.snippet = snippet
            self.boxes = boxes
        }
    }

    public let hits: [Hit]

    public init(hits: [Hit]) { self.hits = hits }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init(
                "hits",
                .array(
                    hits.map { hit in
                        [
                            "job_key": .string(hit.key), "name": .string(hit.name), "page": JSONValue(hit.page),
                            "snippet": .string(hit.snippet),
                            "boxes": .array(hit.boxes.map { .array($0.map { JSONValue($0) }) }),
                        ]
                    }))
        ]
    }
}

/// `ocr text`
public struct DocumentTextReport: Report, Hashable {
    public struct Page: Hashable, Sendable {
        public let number: Int
        public let text: String
        public let confidence: Double?
        /// What was read: `image`, `picture` or `drawn` of a PDF, or `text` that was there; `gap` for what could not be.
        public let mode: String
        /// Why it could not be read, after the name of the page; nil when it could be.
        public let fault: String?

        public init(number: Int, text: String, confidence: Double?, mode: String, fault: String? = nil) {
            self.number = number
            self.text = text
            self.confidence = confidence
            self.mode = mode
            self.fault = fault
        }
    }

    public let key: String
    public let name: String
    public let pages: [Page]

    public init(key: String, name: String, pages: [Page]) {
        self.key = key
        self.name = name
        self.pages = pages
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("job_key", .string(key)), .init("name", .string(name)),
            .init(
                "pages",
                .array(
                    pages.map { page in
                        .object(
                            [
                                .init("page", JSONValue(page.number)), .init("text", .string(page.text)),
                                .init("confidence", page.confidence.map { .number($0) } ?? .null),
                                .init("mode", .string(page.mode)),
                            ] + (page.fault.map { [.init("fault", .string($0))] } ?? []))
                    })),
        ]
    }
}

/// The words of a page.
public struct DocumentWordsReport: Report, Hashable {
    public struct Word: Hashable, Sendable {
        public let text: String
        /// x, y, width, height: pixels of the page.
        public let box: [Int]

        public init(text: String, box: [Int]) {
            self.text = text
            self.box = box
        }
    }

    public let key: String
    public let name: String
    public let page: Int
    /// Pixels.
    public let width: Int
    public let height: Int
    public let words: [Word]

    public init(key: String, name: String, page: Int, width: Int, height: Int, words: [Word]) {
        self.key = key
        self.name = name
        self.page = page
        self.width = width
        self.height = height
        self.words = words
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("job_key", .string(key)), .init("name", .string(name)), .init("page", JSONValue(page)),
            .init("width", JSONValue(width)), .init("height", JSONValue(height)),
            .init(
                "words",
                .array(words.map { ["text": .string($0.text), "box": .array($0.box.map { JSONValue($0) })] })),
        ]
    }
}

/// `ocr info`
public struct DocumentInfoReport: Report, Hashable {
    /// By library, as it says itself.
    public let versions: [(name: String, version: String)]
    public let languages: [String]
    public let profiles: [String]
    /// How many documents are in each state.
    public let states: [(state: String, count: Int)]
    /// So many pages are read at the same time; fewer than is set after the engine has failed.
    public let pagesAtOnce: Int

    public init(
        versions: [(name: String, version: String)], languages: [String], profiles: [String],
        states: [(state: String, count: Int)], pagesAtOnce: Int
    ) {
        self.pagesAtOnce = pagesAtOnce
        self.versions = versions
        self.languages = languages
        self.profiles = profiles
        self.states = states
    }

    public static func == (a: DocumentInfoReport, b: DocumentInfoReport) -> Bool { a.json == b.json }
    public func hash(into hasher: inout Hasher) { hasher.combine(json) }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("versions", .object(versions.map { .init($0.name, .string($0.version)) })),
            .init("languages", .array(languages.map(JSONValue.string))),
            .init("profiles", .array(profiles.map(JSONValue.string))),
            .init("states", .object(states.map { .init($0.state, JSONValue($0.count)) })),
            .init("pages_at_once", JSONValue(pagesAtOnce)),
        ]
    }
}
