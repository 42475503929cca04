internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchLedger

/// A row of `ocr_fields`: what was found in the text of a document, or what its file says of itself.
struct DocumentField {
    enum State: String {
        /// Waits to be entered.
        case staged
        /// A batch of the workspace has taken it over.
        case entered
        /// The file says it of itself: nobody has to enter it.
        case given
    }

    let name: String
    let value: String
    /// As it stands on the page, or the file that says it.
    let source: String
    let page: Int?
    /// Of its least sure word; 0 to 1.
    let confidence: Double?
    let state: State
}

extension Stage {
    /// The fields of `ocr_fields.yaml` in the text of a document.
    /// - Throws: the mistakes of the file.
    func fields(of document: DocumentRecord) throws(BatchError) -> [DocumentField] {
        let declared = try FieldRules.load(folder: step.session.workspace.catalog)
        if let error = Diagnostic.error(
            declared.mistakes, .invalidCatalog, hint: "correct them, then: \(command: "resume --id \(batch)")")
        {
            throw error
        }
        guard !declared.rules.isEmpty else { return [] }
        let pages = try store.pages(of: document.key)
        let texts = pages.map { FieldText($0.text ?? "") }
        var fields: [DocumentField] = []
        for rule in declared.rules {
            let found = zip(pages, texts).flatMap { page, text in text.all(rule).map { (page, $0) } }
            guard let (page, value) = rule.takes == .first ? found.first : found.last else { continue }
            fields.append(
                DocumentField(
                    name: rule.name, value: value.value, source: value.text, page: page.number,
                    confidence: try confidence(value.text, page), state: .staged))
        }
        return fields
    }

    /// Of a text that was there before there are no words.
    private func confidence(_ text: String, _ page: DocumentStore.Page) throws(BatchError) -> Double? {
        let words = text.split(separator: " ").map { SQLValue.string(String($0)) }
        let marks = words.indices.map { "?\($0 + 2)" }.joined(separator: ", ")
        return try step.session.connection.value(
            "SELECT min(confidence) FROM main.ocr_words WHERE page = ?1 AND text IN (\(marks))",
            [.integer(page.id)] + words)?.real ?? page.confidence
    }

    /// In a checkpoint. What was entered stays so while its value is the same.
    func write(_ fields: [DocumentField], of key: String, insteadOf states: [DocumentField.State]) throws(BatchError) {
        guard try store.has("ocr_fields") else { return }
        let names = JSONWriter.text(.array(fields.map { .string($0.name) }))
        let kept = JSONWriter.text(.array(states.map { .string($0.rawValue) }))
        try write(
            """
            DELETE FROM main.ocr_fields WHERE document = :key AND state IN (SELECT value FROM json_each(:states))
            AND name NOT IN (SELECT value FROM json_each(:names))
            """, ["key": .string(key), "states": .string(kept), "names": .string(names)])
        for field in fields {
            try write(
                """
                INSERT INTO main.ocr_fields(document, name, value, source, page, confidence, state)
                VALUES(:key, :name, :value, :source, :page, :confidence, :state)
                ON CONFLICT(document, name) DO UPDATE SET source = excluded.source, page = excluded.page,
                confidence = excluded.confidence, state = iif(value = excluded.value, state, excluded.state),
                value = excluded.value
                WHERE (value, source, page, confidence) IS NOT (excluded.value, excluded.source, excluded.page,
                excluded.confidence)
                """,
                [
                    "key": .string(key), "name": .string(field.name), "value": .string(field.value),
                    "source": .string(field.source),
                    "page": field.page.map { .integer(Int64($0)) } ?? .null,
                    "confidence": field.confidence.map(SQLValue.real) ?? .null,
                    "state": .string(field.state.rawValue),
                ])
        }
    }
}

extension DocumentStore {
    /// - Parameters:
    ///   - key: only of this document.
    ///   - state: only those in it.
    func fields(of key: String?, state: String?) throws(BatchError) -> [DocumentFieldReport.Entry] {
        guard try has("ocr_fields") else { return [] }
        return try session.connection.rows(
            """
            SELECT d.key, d.name, f.name, f.value, f.source, f.page, f.confidence, f.state
            FROM main.ocr_fields f JOIN main.ocr_documents d ON d.key = f.document
            WHERE (?1 IS NULL OR d.key = ?1) AND (?2 IS NULL OR f.state = ?2)
            ORDER BY d.created_at, d.key, f.state, f.name
            """, [.optional(key), .optional(state)]
        ).map { row in
            DocumentFieldReport.Entry(
                key: row[0].string ?? "", document: row[1].string ?? "", field: row[2].string ?? "",
                value: row[3].string ?? "", source: row[4].string ?? "", page: row[5].integer.map { Int($0) },
                confidence: row[6].real, state: row[7].string ?? "")
        }
    }

    /// What waits to be entered, as a mark that changes with it; nil when nothing does.
    func stagedMark() throws(BatchError) -> String? {
        guard try has("ocr_fields") else { return nil }
        let row = try session.connection.rows(
            """
            SELECT count(*), max(d.updated_at) FROM main.ocr_fields f JOIN main.ocr_documents d ON d.key = f.document
            WHERE f.state = 'staged'
            """, []
        ).first
        guard let count = row?[0].integer, count > 0 else { return nil }
        return "\(count) \(row?[1].string ?? "")"
    }
}
