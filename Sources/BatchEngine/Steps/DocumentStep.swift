public import BatchCatalog
public import BatchCore
public import BatchLedger

/// What a module that can read documents does for the steps of the pipeline.
public protocol DocumentWork: Sendable {
    func run(_ kind: DocumentStep.Kind, _ step: StepRun) throws(BatchError)
    /// Brings the files of an effect back.
    func undo(_ effect: Effect, of batch: BatchID, in session: Session) throws(BatchError)
}

/// `ocr.discover`, `ocr.prep`, `ocr.recognise`, `ocr.publish`: files come in, pages are read, a searchable PDF goes out.
public struct DocumentStep: StepKind {
    public enum Kind: String, CaseIterable, Sendable {
        case discover = "ocr.discover"
        case prep = "ocr.prep"
        case recognise = "ocr.recognise"
        case publish = "ocr.publish"
        case review = "ocr.review"
        case remove = "ocr.remove"
    }

    private let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    public var keys: KeyChoice {
        let table =
            switch kind {
            case .discover:
                KeyTable(
                    "an ocr.discover",
                    [
                        KeyRule("profile", .argument, "The profile of documents that come without one (`default`)."),
                        KeyRule("staged", .argument, "A folder of `work/_staging`, in place of `in`."),
                        KeyRule("nonce", .argument, "Makes the keys other ones, for files that are to be read again."),
                        KeyRule("limit", .integer(1...100_000), "Files of one batch at most (`100`)."),
                    ])
            case .review:
                KeyTable(
                    "an ocr.review",
                    [
                        KeyRule("key", .argument, required: true, "The document."),
                        KeyRule("action", .argument, required: true, "`accept`, `correct` or `reject`."),
                        KeyRule("words", .argument, "Corrected words: `[[page, number, text], …]`."),
                        KeyRule("to", .argument, "Who reviews it from now on."),
                    ])
            case .remove:
                KeyTable(
                    "an ocr.remove",
                    [
                        KeyRule("key", .argument, "The document."),
                        KeyRule("action", .argument, required: true, "`cancel`, `purge` or `reset`."),
                        KeyRule("archive", .argument, "Of a reset: the archive that has all files."),
                        KeyRule("keep", .argument, "Of a reset: folders that stay, divided by commas."),
                    ])
            case .prep, .recognise, .publish: KeyTable("an \(kind.rawValue)", [])
            }
        let meaning =
            switch kind {
            case .discover: "Takes files in: checked, hashed, moved to a work folder."
            case .prep: "Takes documents apart into pages."
            case .recognise: "Reads the pages: text, words, boxes, confidence."
            case .publish: "Writes the searchable PDFs."
            case .remove: "Cancels or removes documents."
            case .review: "Carries out what a reviewer decides."
            }
        return KeyChoice(KeyRule(kind.rawValue, .record(table), meaning), beside: CatalogRules.tries)
    }

    public var place: StepPlace { .outside }

    public func noun(_ step: StepDefinition) -> String { "work on documents" }

    public func require(_ step: StepDefinition, in session: Session) throws(BatchError) {
        if session.context.documents == nil { throw DocumentStep.unavailable }
    }

    public func run(_ step: StepRun) throws(BatchError) {
        guard let documents = step.session.context.documents else { throw DocumentStep.unavailable }
        try documents.run(kind, step)
    }

    public func undo(_ effect: Effect, of batch: BatchRecord, in session: Session) throws(BatchError) {
        guard let documents = session.context.documents else { throw DocumentStep.unavailable }
        try documents.undo(effect, of: batch.batch, in: session)
    }

    private static var unavailable: BatchError {
        BatchError(
            .libraryMissing, "documents cannot be read here", hint: "use the tool itself: \(command: "ocr info")")
    }
}
