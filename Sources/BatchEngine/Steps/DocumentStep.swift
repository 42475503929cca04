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
            case .prep, .recognise, .publish: KeyTable("an \(kind.rawValue)", [])
            }
        let meaning =
            switch kind {
            case .discover: "Takes files in: checked, hashed, moved to a work folder."
            case .prep: "Takes documents apart into pages."
            case .recognise: "Reads the pages: text, words, boxes, confidence."
            case .publish: "Writes the searchable PDFs."
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
