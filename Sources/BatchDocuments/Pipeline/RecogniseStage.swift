internal import BatchCatalog
internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// `ocr.recognise`: pages become words. Each page is a checkpoint: what is read is never read again.
struct RecogniseStage {
    private let stage: Stage

    private struct Task {
        let document: DocumentRecord
        let page: DocumentStore.Page
    }

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        let total = try work().count
        var done = 0
        while true {
            let tasks = try work()
            guard !tasks.isEmpty else { return }
            try stage.step.stopIfAsked()
            let health = EngineHealth(stage.step.session)
            let pool = stage.pool(stage.settings.ocrConcurrency)
            var most = health.concurrency(stage.settings.ocrConcurrency)
            var failed: Set<String> = []
            var requests: [JSONValue] = []
            for task in tasks { requests.append(try request(for: task)) }
            try pool.carryOut(
                requests, most: { most }, stop: stage.step.stop,
                begun: { (index) throws(BatchError) in try begin(tasks[index]) },
                left: { (index) throws(BatchError) in try giveBack(tasks[index]) },
                tick: { active in stage.beat("ocr", active.map { tasks[$0].document.key }) },
                done: { (index, result) throws(BatchError) in
                    guard !failed.contains(tasks[index].document.key) else { return }
                    if try !finish(tasks[index], result) { failed.insert(tasks[index].document.key) }
                    if case .failure = result { most = health.concurrency(stage.settings.ocrConcurrency) }
                    done += 1
                    stage.step.progress(min(done, total), of: total)
                })
            try stage.step.stopIfAsked()
        }
    }

    private func work() throws(BatchError) -> [Task] {
        var tasks: [Task] = []
        for document in try stage.open() where !document.state.isBeforePages {
            let pages = try stage.store.pages(of: document.key).filter { $0.state == "todo" }
            if pages.contains(where: { $0.attempts >= stage.settings.attemptsOCR }) {
                try stage.fail(document, DocumentError(.afterRestart))
                continue
            }
            tasks += pages.map { Task(document: document, page: $0) }
        }
        return tasks
    }

    private func request(for task: Task) throws(BatchError) -> JSONValue {
        let profile = stage.profile(of: task.document)
        let languages = (profile["languages"]?.array ?? []).compactMap(\.string).joined(separator: "+")
        return .object(
            stage.source(task.document.key, task.page) + [
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

    private func begin(_ task: Task) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET attempts = attempts + 1 WHERE id = :id", ["id": .integer(task.page.id)])
            if task.page.number == 1 || task.document.state != .ocrRunning {
                try stage.set(
                    task.document.key,
                    [
                        ("state", .string(DocumentState.ocrRunning.rawValue)),
                        ("attempts_ocr", .integer(Int64(max(task.document.attemptsOCR, task.page.attempts + 1)))),
                    ])
            }
        }
        stage.step.session.context.reach("page-begun")
    }

    /// A stop by us costs no attempt.
    private func giveBack(_ task: Task) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET attempts = attempts - 1 WHERE id = :id", ["id": .integer(task.page.id)])
            try stage.set(task.document.key, .ocrRetry)
        }
    }

    /// - Returns: false when the document has failed with it.
    private func finish(_ task: Task, _ result: Result<JSONValue, DocumentError>) throws(BatchError) -> Bool {
        if CancelMark(task.document.key, stage.folders).isSet {
            guard let document = try stage.store.document(task.document.key) else { return false }
            try stage.fail(document, DocumentError(.cancelled))
            return false
        }
        switch result {
        case .success(let answer):
            try keep(task, answer)
            stage.step.session.context.reach("page-done")
            return true
        case .failure(let error):
            try stage.noteFailure(error.fault)
            let isDeadly = error.fault == .crashed ? try kills(task) : false
            if error.fault.mayPass, !isDeadly, task.page.attempts + 1 < stage.settings.attemptsOCR { return true }
            guard let document = try stage.store.document(task.document.key) else { return false }
            try stage.fail(document, DocumentError(error.fault, "page \(task.page.number)"))
            return false
        }
    }

    /// - Returns: true when a page of the document has ended the engine before.
    private func kills(_ task: Task) throws(BatchError) -> Bool {
        let known =
            try stage.step.session.connection.value(
                "SELECT count(*) FROM main.ocr_pages WHERE document = ? AND error = ?",
                [.string(task.document.key), .string(DocumentFault.crashed.rawValue)])?.integer ?? 0
        guard known == 0 else { return true }
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                "UPDATE main.ocr_pages SET error = :error WHERE id = :id",
                ["error": .string(DocumentFault.crashed.rawValue), "id": .integer(task.page.id)])
        }
        return false
    }

    private func keep(_ task: Task, _ answer: JSONValue) throws(BatchError) {
        let id = SQLValue.integer(task.page.id)
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
                                (task.page.source.members ?? []) + [
                                    .init("had", answer["had"] ?? 0), .init("tilt", answer["tilt"] ?? 0),
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
