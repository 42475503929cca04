internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// `ocr.prep`: documents become pages.
struct PrepStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        while true {
            let waiting = try stage.open().filter(\.state.isBeforePages)
            guard !waiting.isEmpty else { return }
            try stage.step.stopIfAsked()
            var able: [DocumentRecord] = []
            for document in waiting where try mayGoOn(document) { able.append(document) }
            try prepare(able)
        }
    }

    private func mayGoOn(_ document: DocumentRecord) throws(BatchError) -> Bool {
        guard document.attemptsPrep >= stage.settings.attemptsPrep else { return true }
        try stage.fail(document, DocumentError(.afterRestart))
        return false
    }

    private func prepare(_ documents: [DocumentRecord]) throws(BatchError) {
        var requests: [JSONValue] = []
        for document in documents { requests.append(try request(for: document)) }
        let pool = stage.pool(stage.settings.prepConcurrency)
        var done = 0
        try pool.carryOut(
            requests, stop: stage.step.stop,
            begun: { (index) throws(BatchError) in try begin(documents[index]) },
            left: { (index) throws(BatchError) in
                try stage.step.checkpoint { () throws(BatchError) in
                    try stage.set(
                        documents[index].key,
                        [
                            ("state", .string(DocumentState.prepRetry.rawValue)),
                            ("attempts_prep", .integer(Int64(documents[index].attemptsPrep))),
                        ])
                }
            }, tick: { active in stage.beat("prep", active.map { documents[$0].key }) },
            done: { (index, result) throws(BatchError) in
                try finish(documents[index], result)
                done += 1
                stage.step.progress(done, of: documents.count)
            })
        try stage.step.stopIfAsked()
    }

    private func request(for document: DocumentRecord) throws(BatchError) -> JSONValue {
        let folder = stage.folders.work(document.key) + "/pages"
        try Folder.create(folder)
        let profile = stage.profile(of: document)
        return [
            "do": "prepare", "input": .string("\(stage.folders.work(document.key))/input/\(document.name)"),
            "folder": .string(folder), "kind": JSONValue(document.kind?.rawValue), "limits": stage.settings.limits.json,
            "dpi": profile["dpi"] ?? 300, "existing": profile["existing"] ?? "keep",
            "partial": profile["partial"] ?? "fail",
        ]
    }

    private func begin(_ document: DocumentRecord) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.prepRunning.rawValue)),
                    ("attempts_prep", .integer(Int64(document.attemptsPrep + 1))),
                ])
        }
        stage.step.session.context.reach("prep-begun")
    }

    private func finish(_ document: DocumentRecord, _ result: Result<JSONValue, DocumentError>) throws(BatchError) {
        switch result {
        case .success(let answer): try keep(document, answer["pages"]?.array ?? [])
        case .failure(let error):
            guard error.fault.mayPass, document.attemptsPrep + 1 < stage.settings.attemptsPrep else {
                return try stage.fail(document, error)
            }
            try stage.step.checkpoint { () throws(BatchError) in try stage.set(document.key, .prepRetry) }
        }
    }

    private func keep(_ document: DocumentRecord, _ pages: [JSONValue]) throws(BatchError) {
        let folder = stage.folders.work(document.key) + "/"
        var id = try stage.store.nextPage
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.removePages(of: document.key)
            for (index, page) in pages.enumerated() {
                // Paths are kept from the work folder on: it may be moved with the workspace.
                let source = (page.members ?? []).map { member in
                    member.key == "file"
                        ? JSONValue.Member("file", .string((member.value.string ?? "").replacing(folder, with: "")))
                        : member
                }
                try stage.write(
                    """
                    INSERT INTO main.ocr_pages(id, document, number, state, source, width, height)
                    VALUES(:id, :document, :number, 'todo', :source, :width, :height)
                    """,
                    [
                        "id": .integer(id), "document": .string(document.key), "number": .integer(Int64(index + 1)),
                        "source": .string(JSONWriter.text(.object(source))),
                        "width": .integer(page["width"]?.integer ?? 0),
                        "height": .integer(page["height"]?.integer ?? 0),
                    ])
                id += 1
            }
            try stage.set(
                document.key,
                [("state", .string(DocumentState.prepDone.rawValue)), ("pages", .integer(Int64(pages.count)))])
        }
        try stage.writeState(document.key)
    }
}

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
            let pool = stage.pool(stage.settings.ocrConcurrency)
            var failed: Set<String> = []
            try pool.carryOut(
                tasks.map { request(for: $0) }, stop: stage.step.stop,
                begun: { (index) throws(BatchError) in try begin(tasks[index]) },
                left: { (index) throws(BatchError) in try giveBack(tasks[index]) },
                tick: { active in stage.beat("ocr", active.map { tasks[$0].document.key }) },
                done: { (index, result) throws(BatchError) in
                    guard !failed.contains(tasks[index].document.key) else { return }
                    if try !finish(tasks[index], result) { failed.insert(tasks[index].document.key) }
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

    private func request(for task: Task) -> JSONValue {
        let profile = stage.profile(of: task.document)
        let languages = (profile["languages"]?.array ?? []).compactMap(\.string).joined(separator: "+")
        return .object(
            stage.source(task.document.key, task.page) + [
                .init("do", "recognise"), .init("languages", .string(languages)), .init("psm", profile["psm"] ?? 3),
                .init("timeout", .integer(Int64(stage.settings.jobTimeout) * 900)),
            ])
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
        switch result {
        case .success(let answer):
            try keep(task, answer)
            stage.step.session.context.reach("page-done")
            return true
        case .failure(let error):
            if error.fault.mayPass, task.page.attempts + 1 < stage.settings.attemptsOCR { return true }
            guard let document = try stage.store.document(task.document.key) else { return false }
            try stage.fail(document, DocumentError(error.fault, "page \(task.page.number)"))
            return false
        }
    }

    private func keep(_ task: Task, _ answer: JSONValue) throws(BatchError) {
        let id = SQLValue.integer(task.page.id)
        let text = answer["text"]?.string ?? ""
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.write(
                """
                UPDATE main.ocr_pages SET state = 'done', text = :text, confidence = :confidence, width = :width,
                height = :height WHERE id = :id
                """,
                [
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

extension JSONValue {
    var real: Double? {
        switch self {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }
}

extension Stage {
    /// Where a worker finds a page.
    func source(_ key: String, _ page: DocumentStore.Page) -> [JSONValue.Member] {
        (page.source.members ?? []).map { member in
            member.key == "file" ? .init("file", .string("\(folders.work(key))/\(member.value.string ?? "")")) : member
        }
    }
}

/// `ocr.publish`: pages become a PDF.
struct PublishStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        while true {
            let ready = try stage.open().filter { !$0.state.isBeforePages }
            guard !ready.isEmpty else { return }
            try stage.step.stopIfAsked()
            var requests: [JSONValue] = []
            for document in ready { requests.append(try request(for: document)) }
            var done = 0
            try stage.pool(stage.settings.prepConcurrency).carryOut(requests, stop: stage.step.stop) {
                (index, result) throws(BatchError) in
                try finish(ready[index], result)
                done += 1
                stage.step.progress(done, of: ready.count)
            }
            try stage.step.stopIfAsked()
        }
    }

    private func made(_ key: String) -> String { stage.folders.work(key) + "/final.pdf" }

    private func request(for document: DocumentRecord) throws(BatchError) -> JSONValue {
        var pages: [JSONValue] = []
        for page in try stage.store.pages(of: document.key) {
            let words = try stage.store.words(of: page.id)
            var source = stage.source(document.key, page).filter { $0.key != "width" && $0.key != "height" }
            source += [
                .init("width", JSONValue(page.width)), .init("height", JSONValue(page.height)),
                .init("words", .array(words)),
            ]
            pages.append(.object(source))
        }
        let folder = stage.folders.work(document.key)
        var members: [JSONValue.Member] = [
            .init("output", .string(made(document.key))), .init("title", .string(document.name)),
            .init("pages", .array(pages)),
        ]
        if document.kind == .pdf { members.append(.init("source", .string("\(folder)/input/\(document.name)"))) }
        let file = folder + "/publish.json"
        try DurableFile.write(Array(JSONWriter.text(.object(members)).utf8), to: file)
        return ["do": "publish", "job": .string(file)]
    }

    private func finish(_ document: DocumentRecord, _ result: Result<JSONValue, DocumentError>) throws(BatchError) {
        let file = made(document.key)
        switch result {
        case .success:
            guard let size = FileStatus(file)?.size, size >= stage.settings.smallestPDF,
                (try? File(reading: file).read(5)) == Array("%PDF-".utf8)
            else { return try stage.fail(document, DocumentError(.pdfInvalid, "it is too small, or has no header")) }
            try publish(document, file)
        case .failure(let error):
            try stage.fail(document, error)
        }
    }

    private func publish(_ document: DocumentRecord, _ file: String) throws(BatchError) {
        let hash = try SHA256.hex(ofFile: file)
        let name = try PublishedName(stage).link(file, document, hash)
        stage.step.session.context.reach("pdf-linked")
        let pages = try stage.store.pages(of: document.key)
        let characters = pages.reduce(0) { $0 + ($1.text?.count ?? 0) }
        let confidences = pages.compactMap(\.confidence)
        let mean = confidences.isEmpty ? nil : confidences.reduce(0, +) / Double(confidences.count)
        try stage.step.checkpoint(noting: ["pdf": .string(name), "key": .string(document.key), "sha256": .string(hash)])
        {
            () throws(BatchError) in
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.done.rawValue)), ("final_pdf", .string(name)),
                    ("pdf_sha256", .string(hash)), ("text_chars", .integer(Int64(characters))),
                    ("confidence", mean.map(SQLValue.real) ?? .null), ("error", .null), ("message", .null),
                ])
        }
        try tidy(document)
    }

    /// The input goes to the archive, and what was made on the way goes away.
    private func tidy(_ document: DocumentRecord) throws(BatchError) {
        let (folders, key) = (stage.folders, document.key)
        let input = "\(folders.work(key))/input/\(document.name)"
        if Folder.exists(input) { _ = try DataFolders.move(input, to: folders.archive(key), as: document.name) }
        if stage.settings.keepWorkDays == 0 { return try Folder.removeAll(folders.work(key)) }
        for name in ["pages", "input", "publish.json", "final.pdf"] {
            try Folder.removeAll("\(folders.work(key))/\(name)")
        }
        try stage.writeState(key)
    }
}

/// The name of a PDF in `out`: that of the input, unless another document has it.
private struct PublishedName {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func link(_ file: String, _ document: DocumentRecord, _ hash: String) throws(BatchError) -> String {
        let parts = document.name.split(separator: ".", omittingEmptySubsequences: false)
        let stem = parts.count > 1 && !parts[0].isEmpty ? parts.dropLast().joined(separator: ".") : document.name
        let digits = document.profileHash.prefix(6) + document.fileHash.prefix(6)
        for name in ["\(stem).pdf", "\(stem)__job-\(digits).pdf"] {
            let target = "\(stage.folders.output)/\(name)"
            let copy = try TemporaryFile(for: target)
            try copy.file.copy(of: file)
            if try copy.publishNew() { return name }
            // It was linked before the tool was killed.
            let owners = try stage.store.documents(where: "final_pdf = ?", [.string(name)]).filter {
                $0.key != document.key
            }
            if owners.isEmpty, try SHA256.hex(ofFile: target) == hash { return name }
        }
        throw BatchError(
            .fileExists, "\(stage.folders.output)/\(stem).pdf is taken, and so is its other name",
            hint: "move these files away, then: \(command: "resume --id BATCH")")
    }
}
