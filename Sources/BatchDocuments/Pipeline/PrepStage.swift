internal import BatchCore
internal import BatchEngine
internal import BatchHistory
internal import BatchLedger
internal import BatchSystem

/// Documents become pages.
struct PrepStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    /// Whether it may be tried; one that may not has failed with that.
    func mayGoOn(_ document: DocumentRecord) throws(BatchError) -> Bool {
        if CancelMark(document.key, stage.folders).isSet {
            try stage.fail(document, DocumentError(.cancelled))
            return false
        }
        guard document.attemptsPrep >= stage.settings.attemptsPrep else { return true }
        try stage.fail(document, DocumentError(.afterRestart))
        return false
    }

    /// A stop by us costs no attempt.
    func giveBack(_ document: DocumentRecord) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.prepRetry.rawValue)),
                    ("attempts_prep", .integer(Int64(document.attemptsPrep))),
                ])
        }
    }

    func begin(_ document: DocumentRecord) throws(BatchError) {
        try stage.step.checkpoint { () throws(BatchError) in
            try stage.set(
                document.key,
                [
                    ("state", .string(DocumentState.prepRunning.rawValue)),
                    ("attempts_prep", .integer(Int64(document.attemptsPrep + 1))),
                ])
        }
        WorkLog.prep.write("attempt \(document.attemptsPrep + 1) in \(stage.batch)", document.key, stage)
        stage.step.session.context.reach("prep-begun")
    }

    func finish(_ document: DocumentRecord, _ result: Result<JSONValue, DocumentError>) throws(BatchError) {
        switch result {
        case .success(let answer): try keep(document, answer["pages"]?.array ?? [], answer["metadata"]?.members ?? [])
        case .failure(let error):
            WorkLog.prep.write("not prepared: \(error.words)", document.key, stage)
            try stage.noteFailure(error.fault)
            let most =
                error.fault == .crashed
                ? min(Stage.mostDeaths, stage.settings.attemptsPrep) : stage.settings.attemptsPrep
            guard error.fault.mayPass, document.attemptsPrep + 1 < most else {
                return try stage.fail(document, error)
            }
            try stage.step.checkpoint { () throws(BatchError) in try stage.set(document.key, .prepRetry) }
        }
    }

    private func keep(
        _ document: DocumentRecord, _ pages: [JSONValue], _ metadata: [JSONValue.Member]
    ) throws(BatchError) {
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
            let given = metadata.map { member in
                DocumentField(
                    name: member.key, value: member.value.string ?? "", source: "ComicInfo.xml", page: nil,
                    confidence: nil, state: .given)
            }
            try stage.write(given, of: document.key, insteadOf: [.given])
            try stage.set(
                document.key,
                [("state", .string(DocumentState.prepDone.rawValue)), ("pages", .integer(Int64(pages.count)))])
        }
        for (index, page) in pages.enumerated() {
            guard let fault = page["fault"]?.string else { continue }
            WorkLog.prep.write("page \(index + 1) \(fault): a placeholder", document.key, stage)
        }
        WorkLog.prep.write("\(pages.count == 1 ? "1 page" : "\(pages.count) pages")", document.key, stage)
        try stage.writeState(document.key)
    }
}
