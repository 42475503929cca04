internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Pages become words. Each page is a checkpoint: what is read is never read again.
struct RecogniseStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    /// What has become of a page.
    enum Outcome {
        case read
        /// It is tried again.
        case again
        /// Its document has failed with it.
        case failed
    }

    /// The pages that nobody has read; nil when the document has failed, because one was tried too often.
    func pages(of document: DocumentRecord) throws(BatchError) -> [DocumentStore.Page]? {
        var todo: [DocumentStore.Page] = []
        for page in try stage.store.pages(of: document.key) where page.state == "todo" {
            if page.attempts < stage.settings.attemptsOCR {
                todo.append(page)
            } else if try giveUp(document, page, DocumentError(.afterRestart)) == .failed {
                return nil
            }
        }
        return todo
    }

    func request(for document: DocumentRecord, _ page: DocumentStore.Page) throws(BatchError) -> JSONValue {
        let profile = stage.profile(of: document)
        let languages = (profile["languages"]?.array ?? []).compactMap(\.string).joined(separator: "+")
        return .object(
            stage.source(document.key, page) + [
                .init("do", "recognise"), .init("languages", .string(languages)), .init("psm", profile["psm"] ?? 3),
                .init("timeout", .integer(Int64(stage.settings.jobTimeout) * 900)),
                .init("deskew", profile["deskew"] ?? .null), .init("engine", JSONValue(try engine(profile))),
            ])
    }

    /// The program that reads in place of Tesseract.
    /// - Throws: `ERR_INTEGRATION_PLUGIN_MISSING` when it is gone since the document was taken in.
    private func engine(_ profile: JSONValue) throws(BatchError) -> String? {
        guard let name = profile["plugin"]?.string else { return nil }
        let plugins = try stage.step.session.plugins()
        try plugins.require([name])
        return FilePath.join(stage.step.session.workspace.folder, try plugins.plugin(name).path)
    }

    func begin(_ document: DocumentRecord, _ page: DocumentStore.Page) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET attempts = attempts + 1 WHERE id = :id", ["id": .integer(page.id)])
            if page.number == 1 || document.state != .ocrRunning {
                try stage.set(
                    document.key,
                    [
                        ("state", .string(DocumentState.ocrRunning.rawValue)),
                        ("attempts_ocr", .integer(Int64(max(document.attemptsOCR, page.attempts + 1)))),
                    ])
            }
        }
        WorkLog.ocr.write("page \(page.number), attempt \(page.attempts + 1) in \(stage.batch)", document.key, stage)
        stage.step.session.context.reach("page-begun")
    }

    /// A stop by us costs no attempt.
    func giveBack(_ document: DocumentRecord, _ page: DocumentStore.Page) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET attempts = attempts - 1 WHERE id = :id", ["id": .integer(page.id)])
            try stage.set(document.key, .ocrRetry)
        }
    }

    func finish(
        _ document: DocumentRecord, _ page: DocumentStore.Page, _ result: Result<JSONValue, DocumentError>
    ) throws(BatchError) -> Outcome {
        if CancelMark(document.key, stage.folders).isSet {
            guard let document = try stage.store.document(document.key) else { return .failed }
            try stage.fail(document, DocumentError(.cancelled))
            return .failed
        }
        switch result {
        case .success(let answer):
            try keep(page, answer)
            WorkLog.ocr.write("page \(page.number): \(answer["words"]?.array?.count ?? 0) words", document.key, stage)
            stage.step.session.context.reach("page-done")
            return .read
        case .failure(let error):
            WorkLog.ocr.write("page \(page.number): \(error.words)", document.key, stage)
            try stage.noteFailure(error.fault)
            let isDeadly = error.fault == .crashed ? try kills(document, page) : false
            if error.fault.mayPass, !isDeadly, page.attempts + 1 < stage.settings.attemptsOCR { return .again }
            return try giveUp(document, page, error)
        }
    }

    /// - Returns: true when a page of the document has ended the engine before; where a page may stay without text, this one.
    private func kills(_ document: DocumentRecord, _ page: DocumentStore.Page) throws(BatchError) -> Bool {
        let known =
            try stage.step.session.connection.value(
                "SELECT count(*) FROM main.ocr_pages WHERE document = ? AND error = ? AND ifnull(id = ?, 1)",
                [
                    .string(document.key), .string(DocumentFault.crashed.rawValue),
                    allowsGaps(document) ? .integer(page.id) : .null,
                ])?.integer ?? 0
        guard known == 0 else { return true }
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET error = :error WHERE id = :id",
                ["error": .string(DocumentFault.crashed.rawValue), "id": .integer(page.id)])
        }
        return false
    }

    // MARK: Pages that cannot be read

    private func allowsGaps(_ document: DocumentRecord) -> Bool {
        stage.profile(of: document)["partial"]?.string == "placeholder"
    }

    /// So many pages of a document may stay without text: an engine that reads none is not the fault of pages.
    private static func mostUnread(of pages: Int) -> Int { max(3, pages / 10) }

    /// A page that cannot be read ends its document, unless that may have pages without text.
    private func giveUp(
        _ document: DocumentRecord, _ page: DocumentStore.Page, _ error: DocumentError
    ) throws(BatchError) -> Outcome {
        let pages = try stage.store.pages(of: document.key)
        let unread = pages.count { $0.fault != nil && $0.source["mode"]?.string != PageSource.Mode.gap.rawValue }
        let isAlone = pages.allSatisfy { $0.id == page.id || $0.fault != nil }
        if allowsGaps(document), !isAlone, unread < RecogniseStage.mostUnread(of: pages.count) {
            try leaveUnread(page, error)
            WorkLog.ocr.write("page \(page.number) \(error.words): it stays without text", document.key, stage)
            return .read
        }
        guard let document = try stage.store.document(document.key) else { return .failed }
        let place = "page \(page.number)"
        let told = error.detail.isEmpty ? place : "\(place): \(error.detail)"
        try stage.fail(document, error.fault == .afterRestart ? error : DocumentError(error.fault, told))
        return .failed
    }

    /// It is in the PDF as it came in. What hidden text it has stays, as there is no better one.
    private func leaveUnread(_ page: DocumentStore.Page, _ error: DocumentError) throws(BatchError) {
        let source = (page.source.members ?? []).filter { $0.key != "redo" } + [.init("fault", .string(error.words))]
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET state = 'done', text = '', error = :error, source = :source WHERE id = :id",
                [
                    "id": .integer(page.id), "error": .string(error.fault.rawValue),
                    "source": .string(JSONWriter.text(.object(source))),
                ])
        }
    }

    private func keep(_ page: DocumentStore.Page, _ answer: JSONValue) throws(BatchError) {
        let id = SQLValue.integer(page.id)
        let text = answer["text"]?.string ?? ""
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                """
                UPDATE main.ocr_pages SET state = 'done', text = :text, confidence = :confidence, width = :width,
                height = :height, source = :source WHERE id = :id
                """,
                [
                    // How many of its words the page had before.
                    "source": .string(
                        JSONWriter.text(
                            .object(
                                (page.source.members ?? []) + [
                                    .init("had", answer["had"] ?? 0), .init("tilt", answer["tilt"] ?? 0),
                                    .init("turn", answer["turn"] ?? 0),
                                ]))),
                    "id": id, "text": .string(text),
                    "confidence": answer["confidence"]?.real.map(SQLValue.real) ?? .null,
                    "width": .integer(answer["width"]?.integer ?? 0),
                    "height": .integer(answer["height"]?.integer ?? 0),
                ])
            let insert = try stage.step.gateway.prepare(
                """
                INSERT INTO main.ocr_words(page, number, text, x, y, width, height, confidence)
                VALUES(:page, :number, :text, :x, :y, :width, :height, :confidence)
                """)
            for (number, word) in (answer["words"]?.array ?? []).enumerated() {
                guard let parts = word.array, parts.count == 6 else { continue }
                try stage.step.gateway.run(
                    insert,
                    [
                        "page": id, "number": .integer(Int64(number + 1)), "text": .string(parts[0].string ?? ""),
                        "x": .integer(parts[1].integer ?? 0), "y": .integer(parts[2].integer ?? 0),
                        "width": .integer(parts[3].integer ?? 0), "height": .integer(parts[4].integer ?? 0),
                        "confidence": .real(parts[5].real ?? 0),
                    ])
            }
            if !text.isEmpty {
                try stage.write(
                    "INSERT INTO main.ocr_text(rowid, text) VALUES(:id, :text)", ["id": id, "text": .string(text)])
            }
        }
    }
}
