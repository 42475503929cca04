internal import BatchCatalog
public import BatchCore
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// Documents that wait until a person has looked at them.
extension Documents {
    /// What a reviewer decides.
    public enum ReviewAction: String, CaseIterable, Sendable {
        /// It is right: publish it.
        case accept
        /// Some words are others.
        case correct
        /// It is no use, or another person's.
        case reject
    }

    /// A word of a page, by its number there, and what it says in truth.
    public struct Correction: Hashable, Sendable {
        public let page: Int
        public let word: Int
        public let text: String

        public init(page: Int, word: Int, text: String) {
            self.page = page
            self.word = word
            self.text = text
        }

        var json: JSONValue { .array([JSONValue(page), JSONValue(word), .string(text)]) }

        /// - Parameter text: `[[page, number, text], …]`.
        static func list(_ text: String) throws(BatchError) -> [Correction] {
            var list: [Correction] = []
            for item in (try? JSONParser.parse(text))?.array ?? [] {
                guard let parts = item.array, parts.count == 3, let page = parts[0].integer,
                    let word = parts[1].integer, let text = parts[2].string
                else {
                    throw BatchError(.usage, "a correction is not [page, number, text]", hint: "see docs/documents.md")
                }
                list.append(Correction(page: Int(page), word: Int(word), text: text))
            }
            return list
        }
    }

    /// - Parameter person: only what waits for them.
    public func reviewList(of person: String? = nil) throws(BatchError) -> DocumentReviewReport {
        var entries: [DocumentReviewReport.Entry] = []
        for document in try store.documents(where: "state = ?", [.string(DocumentState.review.rawValue)]) {
            guard let review = try store.review(of: document.key), person == nil || review.reviewer == person else {
                continue
            }
            entries.append(try entry(document, review))
        }
        return DocumentReviewReport(entries: entries)
    }

    private func entry(
        _ document: DocumentRecord, _ review: DocumentReview
    ) throws(BatchError) -> DocumentReviewReport.Entry {
        DocumentReviewReport.Entry(
            key: document.key, name: document.name, pages: document.pages ?? 0, confidence: document.confidence,
            reviewer: review.reviewer, reason: review.reason, since: review.since)
    }

    /// The words of a document that are less sure than its profile asks for.
    /// - Parameter all: all of its words.
    public func reviewShow(_ text: String, all: Bool = false) throws(BatchError) -> ReviewWordsReport {
        let document = try store.document(meant: text)
        let profile = (try? JSONParser.parse(document.profile)) ?? .null
        let limit = profile["review_below"]?.real ?? 0.8
        var words: [ReviewWordsReport.Word] = []
        for page in try store.pages(of: document.key) {
            for word in try store.numberedWords(of: page.id) where all || word.confidence < limit {
                words.append(
                    ReviewWordsReport.Word(
                        page: page.number, number: word.number, text: word.text, confidence: word.confidence,
                        box: word.box))
            }
        }
        let review = try store.review(of: document.key)
        return ReviewWordsReport(
            key: document.key, name: document.name, state: document.state.rawValue, reviewer: review?.reviewer,
            reason: review?.reason, below: limit, words: words)
    }

    public func accept(_ text: String) throws(BatchError) -> DocumentReport {
        let document = try store.document(meant: text)
        guard document.state == .review else { throw Documents.noReview(document) }
        return try decide(document, .accept)
    }

    /// Changes words, in a document that waits for review or is done: in its text, its PDF and what search finds.
    public func correct(_ text: String, _ corrections: [Correction]) throws(BatchError) -> DocumentReport {
        let document = try store.document(meant: text)
        guard document.state == .review || document.state == .done else { throw Documents.noReview(document) }
        try requireInput(of: document)
        guard !corrections.isEmpty else {
            throw BatchError(
                .usage, "there is no word to correct",
                hint: "see them: \(command: "ocr review show \(DocumentKey.exact(document.key)) --all")")
        }
        let pages = try store.pages(of: document.key)
        for correction in corrections {
            let page = pages.first { $0.number == correction.page }
            let known = Set(
                try page.map { (page) throws(BatchError) in try store.numberedWords(of: page.id) }?.map(\.number) ?? [])
            guard known.contains(correction.word) else {
                throw BatchError(
                    .usage, "page \(correction.page) of \(document.name) has no word \(correction.word)",
                    hint: "see them: \(command: "ocr review show \(DocumentKey.exact(document.key)) --all")")
            }
            guard !correction.text.isEmpty, !correction.text.contains(where: \.isWhitespace) else {
                throw BatchError(
                    .usage, "a word can only be replaced by one word, without spaces",
                    hint: "see them: \(command: "ocr review show \(DocumentKey.exact(document.key)) --all")")
            }
        }
        return try decide(document, .correct, words: JSONWriter.text(.array(corrections.map(\.json))))
    }

    /// The PDF is made anew from what came in.
    private func requireInput(of document: DocumentRecord) throws(BatchError) {
        guard folders.home(of: document.key, document.name) == nil else { return }
        let place = FilePath.shown(folders.archive(document.key))
        throw BatchError(
            .wrongState, "the input of \(document.name) is not in \(place): somebody has moved it away",
            hint: "bring it back from there, as \(ShellText.quoted("\(place)/\(document.name)")), then correct it")
    }

    /// - Parameter person: who is to look at it instead; nil: it is no use, and goes to `error`.
    public func reject(_ text: String, to person: String? = nil) throws(BatchError) -> DocumentReport {
        let document = try store.document(meant: text)
        guard document.state == .review else { throw Documents.noReview(document) }
        return try decide(document, .reject, to: person ?? "")
    }

    private func decide(
        _ document: DocumentRecord, _ action: ReviewAction, words: String = "[]", to person: String = ""
    ) throws(BatchError) -> DocumentReport {
        try run(
            try job("ocr_review", DocumentJobs.review),
            ["key=\(document.key)", "action=\(action.rawValue)", "words=\(words)", "to=\(person)"], about: document.key)
    }

    static func noReview(_ document: DocumentRecord) -> BatchError {
        BatchError(
            .wrongState, "\(document.name) does not wait for review: it is \(document.state.rawValue)",
            hint: "see what waits: \(command: "ocr review list")")
    }
}
