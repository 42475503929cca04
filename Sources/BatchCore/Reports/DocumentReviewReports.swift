/// `ocr review list`
public struct DocumentReviewReport: Report, Hashable {
    public struct Entry: Hashable, Sendable {
        public let key: String
        public let name: String
        public let pages: Int
        /// Of its least sure page, 0 to 1.
        public let confidence: Double?
        /// Nil: nobody in particular.
        public let reviewer: String?
        public let reason: String
        public let since: String

        public init(
            key: String, name: String, pages: Int, confidence: Double?, reviewer: String?, reason: String, since: String
        ) {
            self.key = key
            self.name = name
            self.pages = pages
            self.confidence = confidence
            self.reviewer = reviewer
            self.reason = reason
            self.since = since
        }

        var json: JSONValue {
            [
                "job_key": .string(key), "name": .string(name), "pages": JSONValue(pages),
                "confidence": confidence.map { .number($0) } ?? .null, "reviewer": JSONValue(reviewer),
                "reason": .string(reason), "since": .string(since),
            ]
        }
    }

    public let entries: [Entry]

    public init(entries: [Entry]) { self.entries = entries }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [.init("reviews", .array(entries.map(\.json)))]
    }
}

/// `ocr review show`: the words of a document that may be wrong.
public struct ReviewWordsReport: Report, Hashable {
    public struct Word: Hashable, Sendable {
        public let page: Int
        /// Its place on the page, from 1.
        public let number: Int
        public let text: String
        /// 0 to 1.
        public let confidence: Double
        /// Left, top, width and height in pixels.
        public let box: [Int]

        public init(page: Int, number: Int, text: String, confidence: Double, box: [Int]) {
            self.page = page
            self.number = number
            self.text = text
            self.confidence = confidence
            self.box = box
        }

        var json: JSONValue {
            [
                "page": JSONValue(page), "number": JSONValue(number), "text": .string(text),
                "confidence": .number(confidence), "box": .array(box.map { JSONValue($0) }),
            ]
        }
    }

    public let key: String
    public let name: String
    public let state: String
    public let reviewer: String?
    /// Why it waits; nil when it does not.
    public let reason: String?
    /// Words below this are shown, 0 to 1.
    public let below: Double
    public let words: [Word]

    public init(
        key: String, name: String, state: String, reviewer: String?, reason: String?, below: Double, words: [Word]
    ) {
        self.key = key
        self.name = name
        self.state = state
        self.reviewer = reviewer
        self.reason = reason
        self.below = below
        self.words = words
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("job_key", .string(key)), .init("name", .string(name)), .init("state", .string(state)),
            .init("reviewer", JSONValue(reviewer)), .init("reason", JSONValue(reason)), .init("below", .number(below)),
            .init("words", .array(words.map(\.json))),
        ]
    }
}

/// `ocr archive move` and `ocr reset`
public struct DocumentCareReport: Report, Hashable {
    public let action: String
    public let documents: Int
    public let bytes: Int64
    /// The folder, or the archive.
    public let place: String
    /// Nil when no row was changed.
    public let batch: String?

    public init(action: String, documents: Int, bytes: Int64, place: String, batch: String?) {
        self.action = action
        self.documents = documents
        self.bytes = bytes
        self.place = place
        self.batch = batch
    }

    public func members(_ call: CallOptions) -> [JSONValue.Member] {
        [
            .init("action", .string(action)), .init("documents", JSONValue(documents)), .init("bytes", .integer(bytes)),
            .init("place", .string(place)), .init("batch", JSONValue(batch)),
        ]
    }
}
