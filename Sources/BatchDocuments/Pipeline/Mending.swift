internal import BatchCore
internal import BatchEngine
internal import BatchLedger
internal import BatchSystem

/// `ocr.mend`: documents whose state is damaged, or on which nobody works any more, go on from where they can.
struct MendingStage {
    private let stage: Stage

    init(_ stage: Stage) { self.stage = stage }

    func run() throws(BatchError) {
        let faults = DocumentFaults(stage.step.session)
        let (corrupt, stale) = (try faults.of(.corrupt), try faults.of(.stale))
        for key in Set((corrupt + stale).map(\.key)).sorted() {
            try stage.step.stopIfAsked()
            try mend(key)
        }
    }

    private func mend(_ key: String) throws(BatchError) {
        let known = try stage.store.document(key)
        guard let document = try known == nil ? withoutState(key) : known else { return }
        if !document.state.isEnd {
            guard let home = stage.folders.home(of: key, document.name) else {
                return try stage.fail(document, DocumentError(.unreadable, "its input is gone"))
            }
            let place = stage.folders.work(key) + "/input"
            if !home.hasPrefix(place) { _ = try DataFolders.move(home, to: place, as: document.name) }
            try goOn(document)
        }
        try stage.writeState(key)
    }

    /// A row whose state is none becomes what its files say.
    private func withoutState(_ key: String) throws(BatchError) -> DocumentRecord? {
        let session = stage.step.session
        let row = try session.connection.rows(
            "SELECT name, final_pdf FROM main.ocr_documents WHERE key = ?", [.string(key)]
        ).first
        guard let row, let name = row[0].string else { return nil }
        let home = stage.folders.home(of: key, name)
        let state: DocumentState =
            if row[1].string != nil { .done } else if home?.hasPrefix(stage.folders.error(key)) == true {
                .errorOCR
            } else { .discovered }
        try stage.step.checkpoint { () throws(BatchError) in try stage.set(key, state) }
        return try stage.store.document(key)
    }

    /// From its pages when they are there, else from the beginning.
    private func goOn(_ document: DocumentRecord) throws(BatchError) {
        let pages = try stage.store.pages(of: document.key)
        let files = pages.compactMap { $0.source["file"]?.string }.filter { !$0.isEmpty }
        let hasPages =
            !pages.isEmpty && !document.state.isBeforePages
            && files.allSatisfy { Folder.exists("\(stage.folders.work(document.key))/\($0)") }
        try stage.step.checkpoint { () throws(BatchError) in
            if !hasPages { try stage.removePages(of: document.key) }
            let state: DocumentState = hasPages ? .ocrRetry : .discovered
            try stage.set(
                document.key, [("state", .string(state.rawValue)), ("batch", .string(stage.batch))])
        }
    }
}
