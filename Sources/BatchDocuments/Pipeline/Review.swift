internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// Holds back what nobody can be sure of, before it is published.
struct ReviewGate {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    /// - Returns: true when the document waits for a reviewer from now on.
    func holds(_ document: DocumentRecord) throws(BatchError) -> Bool {
        guard let limit = stage.profile(of: document)["review_below"]?.real,
            try stage.store.review(of: document.key)?.state != DocumentReview.accepted
        else { return false }
        guard let doubt = try leastSure(document), case let confidence = doubt.confidence, confidence < limit else {
            return false
        }
        let reviewer = try reviewer(of: document, confidence)
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                """
                INSERT OR REPLACE INTO main.ocr_review(document, state, reviewer, reason, since)
                VALUES(:key, :state, :reviewer, :reason, :now)
                """,
                [
                    "key": .string(document.key), "state": .string(DocumentReview.waiting),
                    "reviewer": .optional(reviewer),
                    "reason": .string(
                        "\(doubt.what) has a confidence of \(Int((confidence * 100).rounded())) %"),
                    "now": .string(stage.now),
                ])
            try stage.set(
                document.key,
                [("state", .string(DocumentState.review.rawValue)), ("confidence", .real(confidence))])
        }
        try stage.writeState(document.key)
        return true
    }

    /// What the profile wants to be sure of, where it is least sure; nil when there are no words.
    private func leastSure(_ document: DocumentRecord) throws(BatchError) -> (what: String, confidence: Double)? {
        let pages = try stage.store.pages(of: document.key)
        let sure = pages.compactMap { page in page.confidence.map { (page.number, $0) } }
        switch stage.profile(of: document)["review_of"]?.string.flatMap(DocumentProfile.ReviewOf.init) ?? .page {
        case .page: return sure.min { $0.1 < $1.1 }.map { ("page \($0.0)", $0.1) }
        case .document:
            return sure.isEmpty ? nil : ("the document", sure.reduce(0) { $0 + $1.1 } / Double(sure.count))
        case .word:
            let row = try stage.step.session.connection.rows(
                """
                SELECT p.number, w.number, w.confidence FROM main.ocr_words w JOIN main.ocr_pages p ON p.id = w.page
                WHERE p.document = ? ORDER BY w.confidence, p.number, w.number LIMIT 1
                """, [.string(document.key)]
            ).first
            return row.map { ("word \($0[1].integer ?? 0) of page \($0[0].integer ?? 0)", $0[2].real ?? 0) }
        }
    }

    /// By the first rule of `review.yaml` that fits.
    private func reviewer(of document: DocumentRecord, _ confidence: Double) throws(BatchError) -> String? {
        let declared = try ReviewRules.load(folder: stage.step.session.workspace.catalog)
        if let error = Diagnostic.error(
            declared.mistakes, .invalidCatalog, hint: "correct them, then: \(command: "resume --id \(stage.batch)")")
        {
            throw error
        }
        let languages = (stage.profile(of: document)["languages"]?.array ?? []).compactMap(\.string)
        for rule in declared.rules {
            if let below = rule.below, confidence >= below { continue }
            if let language = rule.language, !languages.contains(language) { continue }
            if let file = rule.file, try !fits(document.name, file) { continue }
            return rule.to
        }
        return nil
    }

    /// Capitals make no difference.
    private func fits(_ name: String, _ pattern: String) throws(BatchError) -> Bool {
        let plain = pattern.escaping(["[": "[[]"])
        return try stage.step.session.connection.value(
            "SELECT lower(?) GLOB lower(?)", [.string(name), .string(plain)])?.integer == 1
    }
}

/// A row of `ocr_review`.
struct DocumentReview {
    static let waiting = "waiting"
    static let accepted = "accepted"

    let state: String
    let reviewer: String?
    let reason: String
    let since: String
}

extension DocumentStore {
    func review(of key: String) throws(BatchError) -> DocumentReview? {
        guard try has("ocr_review") else { return nil }
        let rows = try session.connection.rows(
            "SELECT state, reviewer, reason, since FROM main.ocr_review WHERE document = ?", [.string(key)])
        return rows.first.map { row in
            DocumentReview(
                state: row[0].string ?? "", reviewer: row[1].string, reason: row[2].string ?? "",
                since: row[3].string ?? "")
        }
    }
}

/// `ocr.review`: what a reviewer decides. What is accepted, or corrected when it was done, goes on to `ocr.publish`.
struct ReviewStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        let document = try stage.store.document(meant: try stage.setting("key"))
        switch Documents.ReviewAction(rawValue: try stage.setting("action")) {
        case .accept:
            guard try isOpen(document, .review) else { return }
            try accept(document)
        case .correct:
            guard try isOpen(document, .review, .done) else { return }
            try correct(document)
        case .reject:
            guard try isOpen(document, .review) else { return }
            try reject(document)
        case nil:
            let words = Documents.ReviewAction.allCases.map(\.rawValue).joined(separator: ", ")
            throw BatchError(
                .usage, "the action of a review is not one of \(words)", hint: "see: \(command: "ocr review list")")
        }
    }

    /// - Returns: false when this batch has decided already, before it was resumed.
    private func isOpen(_ document: DocumentRecord, _ states: DocumentState...) throws(BatchError) -> Bool {
        if states.contains(document.state), document.batch != stage.batch || document.state == .review { return true }
        if document.batch == stage.batch { return false }
        throw Documents.noReview(document)
    }

    private func accept(_ document: DocumentRecord) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in try publish(document) }
    }

    /// Call it in a checkpoint.
    private func publish(_ document: DocumentRecord) throws(BatchError) {
        try stage.write(
            """
            INSERT INTO main.ocr_review(document, state, reason, since, decided_at, decided_by)
            VALUES(:key, :state, 'corrected', :now, :now, :person)
            ON CONFLICT(document) DO UPDATE SET state = :state, decided_at = :now, decided_by = :person
            """,
            [
                "key": .string(document.key), "state": .string(DocumentReview.accepted), "now": .string(stage.now),
                "person": .string(stage.step.session.context.actor),
            ])
        try stage.set(
            document.key,
            [("state", .string(DocumentState.ocrRunning.rawValue)), ("batch", .string(stage.batch))])
    }

    private func reject(_ document: DocumentRecord) throws(BatchError) {
        let person = try stage.setting("to")
        guard person.isEmpty else {
            return try stage.step.checkpoint { () throws(BatchError) in
                try stage.write(
                    "UPDATE main.ocr_review SET reviewer = :person WHERE document = :key",
                    ["person": .string(person), "key": .string(document.key)])
            }
        }
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                """
                UPDATE main.ocr_review SET state = 'rejected', decided_at = :now, decided_by = :person
                WHERE document = :key
                """,
                [
                    "key": .string(document.key), "now": .string(stage.now),
                    "person": .string(stage.step.session.context.actor),
                ])
            try stage.set(document.key, [("batch", .string(stage.batch))])
        }
        try stage.fail(
            document, DocumentError(.rejected),
            noting: ["rejected": .string(document.key), "name": .string(document.name)])
    }

    // MARK: Words

    private func correct(_ document: DocumentRecord) throws(BatchError) {
        let corrections = try Documents.Correction.list(try stage.setting("words"))
        let pages = try stage.store.pages(of: document.key)
        try stage.step.checkpoint { () throws(BatchError) in
            for page in pages {
                let own = corrections.filter { $0.page == page.number }
                if !own.isEmpty { try correct(page, own) }
            }
            if document.state == .done { try publish(document) }
        }
    }

    private func correct(_ page: DocumentStore.Page, _ corrections: [Documents.Correction]) throws(BatchError) {
        let texts = Dictionary(corrections.map { ($0.word, $0.text) }) { _, last in last }
        let id = SQLValue.integer(page.id)
        // As they are in the text.
        let words = try stage.store.numberedWords(of: page.id)
        for (number, text) in texts.sorted(by: { $0.key < $1.key }) {
            try stage.write(
                "UPDATE main.ocr_words SET text = :text, confidence = 1 WHERE page = :page AND number = :number",
                ["text": .string(text), "page": id, "number": .integer(Int64(number))])
        }
        let text = PageWords.replaced(page.text ?? "", words.map { ($0.text, texts[$0.number]) })
        let letters = words.reduce(0) { $0 + $1.text.count }
        let sum = words.reduce(0.0) { $0 + (texts[$1.number] == nil ? $1.confidence : 1) * Double($1.text.count) }
        try stage.write(
            "UPDATE main.ocr_pages SET text = :text, confidence = :confidence WHERE id = :id",
            ["text": .string(text), "confidence": letters > 0 ? .real(sum / Double(letters)) : .null, "id": id])
        try stage.write("UPDATE main.ocr_text SET text = :text WHERE rowid = :id", ["text": .string(text), "id": id])
    }
}

/// The words of a page in its text.
enum PageWords {
    /// - Parameter words: in the order of the text, each with what stands for it from now on.
    static func replaced(_ text: String, _ words: [(old: String, new: String?)]) -> String {
        var result = ""
        var rest = text[...]
        for word in words {
            guard let range = rest.firstRange(of: word.old) else { continue }
            result += rest[..<range.lowerBound] + (word.new ?? word.old)
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
