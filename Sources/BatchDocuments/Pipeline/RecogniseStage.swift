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

    /// The pages that nobody has read; nil when the document has failed, because one was tried too often.
    func pages(of document: DocumentRecord) throws(BatchError) -> [DocumentStore.Page]? {
        let pages = try stage.store.pages(of: document.key).filter { $0.state == "todo" }
        guard pages.contains(where: { $0.attempts >= stage.settings.attemptsOCR }) else { return pages }
        try stage.fail(document, DocumentError(.afterRestart))
        return nil
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

    /// - Returns: false when the document has failed with it.
    func finish(
        _ document: DocumentRecord, _ page: DocumentStore.Page, _ result: Result<JSONValue, DocumentError>
    ) throws(BatchError) -> Bool {
        if CancelMark(document.key, stage.folders).isSet {
            guard let document = try stage.store.document(document.key) else { return false }
            try stage.fail(document, DocumentError(.cancelled))
            return false
        }
        switch result {
        case .success(let answer):
            try keep(page, answer)
            WorkLog.ocr.write("page \(page.number): \(answer["words"]?.array?.count ?? 0) words", document.key, stage)
            stage.step.session.context.reach("page-done")
            return true
        case .failure(let error):
            WorkLog.ocr.write("page \(page.number): \(error.words)", document.key, stage)
            try stage.noteFailure(error.fault)
            let isDeadly = error.fault == .crashed ? try kills(document, page) : false
            if error.fault.mayPass, !isDeadly, page.attempts + 1 < stage.settings.attemptsOCR { return true }
            guard let document = try stage.store.document(document.key) else { return false }
            let place = "page \(page.number)"
            try stage.fail(
                document, DocumentError(error.fault, error.detail.isEmpty ? place : "\(place): \(error.detail)"))
            return false
        }
    }

    /// - Returns: true when a page of the document has ended the engine before.
    private func kills(_ document: DocumentRecord, _ page: DocumentStore.Page) throws(BatchError) -> Bool {
        let known =
            try stage.step.session.connection.value(
                "SELECT count(*) FROM main.ocr_pages WHERE document = ? AND error = ?",
                [.string(document.key), .string(DocumentFault.crashed.rawValue)])?.integer ?? 0
        guard known == 0 else { return true }
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET error = :error WHERE id = :id",
                ["error": .string(DocumentFault.crashed.rawValue), "id": .integer(page.id)])
        }
        return false
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
